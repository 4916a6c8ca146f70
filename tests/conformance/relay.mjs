// What relay-compiler made of the page's fragments is executed as it is.
import { readFileSync } from "node:fs";
import { ask, cast, check, finish } from "./tally.mjs";

const documents = Object.values(JSON.parse(readFileSync(process.argv[2], "utf8")));
const find = (name) => documents.find((text) => text.includes(` ${name}(`));
const errors = (answer) => JSON.stringify(answer.body.errors);

const first = await ask(find("ShopPageQuery"), { handle: cast.shop, count: 1 });
check("the page's query is answered", first.status === 200 && !first.body.errors, errors(first));
const list = first.body.data.shop.recommendations;
check("a page of one has one", list.edges.length === 1 && list.pageInfo.hasNextPage, JSON.stringify(list));

const next = { id: cast.shopId, count: 1, cursor: list.pageInfo.endCursor };
const second = await ask(find("ShopPageListQuery"), next);
check("the list is read on from its cursor", second.status === 200 && !second.body.errors, errors(second));
const more = second.body.data.node.recommendations.edges;
check("the second page is another", more[0].node.id !== list.edges[0].node.id, JSON.stringify(more));

const again = await ask(find("ShopPageHeaderRefetchQuery"), { id: cast.shopId });
check("the shop is fetched again by its id", again.body.data?.node?.id === cast.shopId, errors(again));

// An order's lines are parts of it: they have no node of their own.
const nodes = Object.entries(cast).filter(([name]) => name.endsWith("Id") && name !== "orderLineId");
for (const [name, id] of nodes) {
  const answer = await ask(find("ShopPageAnyQuery"), { id }, "operator");
  check(`node(id) knows the ${name}`, answer.body.data?.node?.id === id, errors(answer));
}
finish("Relay: compiled and executed");
