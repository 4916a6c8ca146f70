// The client of graphql-ws drives the subscriptions, as frontends do: what is watched changes through the API meanwhile.
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { ask, cast, check, finish, server } from "./tally.mjs";

const url = `${server.replace("http", "ws")}/graphql`;

function connect(actor, more = {}) {
  return createClient({ url, webSocketImpl: WebSocket, connectionParams: actor ? cast.headers[actor] : {}, retryAttempts: 0, lazyCloseTimeout: 0, ...more });
}

// The answers to one subscription, one after the other, each within ten seconds.
function watch(client, query, variables) {
  const answers = client.iterate({ query, variables });
  return {
    async next() {
      const late = new Promise((_, reject) => setTimeout(() => reject(new Error("nothing came within 10 s")), 10_000).unref());
      return (await Promise.race([answers.next(), late])).value;
    },
    end: () => answers.return(),
  };
}

async function closed(params, act) {
  return new Promise((resolve) => {
    const socket = new WebSocket(url, params.protocol ?? "graphql-transport-ws", params);
    socket.on("close", (code) => resolve(code));
    socket.on("error", () => {});
    socket.on("unexpected-response", (_, response) => resolve(response.statusCode));
    socket.on("open", () => act(socket));
  });
}

const buyer = connect("buyer");
const order = watch(buyer, "subscription($id: ID!) { orderUpdated(id: $id) { id fulfillmentStatus } }", { id: cast.orderId });
const first = await order.next();
check("orderUpdated tells at once how the order is", first.data?.orderUpdated?.id === cast.orderId, JSON.stringify(first));

const shopholder = connect("shopholder");
const earnings = watch(shopholder, "subscription { earningsUpdated { currency held { amount } } }");
const earned = await earnings.next();
check("earningsUpdated tells at once what was earned", Array.isArray(earned.data?.earningsUpdated), JSON.stringify(earned));

const activity = watch(shopholder, "subscription($id: ID!) { shopActivity(shopId: $id) { id kind quantity amount { amount } } }", { id: cast.shopId });
const coming = activity.next();
// Its own answer says that the connection has heard of the subscription before.
const name = await watch(shopholder, "{ viewer { name } }").next();
check("a query is answered on the same connection", name.data?.viewer?.name, JSON.stringify(name));
const links = await ask("query($id: ID!) { shop(id: $id) { referralLinks(first: 1) { nodes { url } } } }", { id: cast.shopId }, "shopholder");
const browser = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "accept-language": "de" };
const link = new URL(links.body.data.shop.referralLinks.nodes[0].url);
await fetch(server + link.pathname, { redirect: "manual", headers: browser });
const click = await coming;
check("shopActivity tells of a visitor", click.data?.shopActivity?.kind === "CLICK" && click.data.shopActivity.amount === null, JSON.stringify(click));

const brand = connect("brand");
const made = await ask("mutation($in: ProductImportCreateInput!) { productImportCreate(input: $in) { productImport { id uploadUrl } userErrors { message } } }", { in: { brandId: cast.brandId, fileName: "one.csv" } }, "brand");
const { id, uploadUrl } = made.body.data.productImportCreate.productImport;
const imported = watch(brand, "subscription($id: ID!) { productImportUpdated(id: $id) { id state } }", { id });
const before = await imported.next();
const sent = await fetch(uploadUrl, { method: "PUT", body: "Handle,Title,Variant Price\nconformance,Conformance,1.00\n", headers: cast.headers.brand });
const after = await imported.next();
check("productImportUpdated tells that the file came", sent.ok && after.data.productImportUpdated.state !== before.data.productImportUpdated.state, `${sent.status} ${JSON.stringify([before, after])}`);

const stranger = connect(null);
for (const [query, variables] of [
  ["subscription($id: ID!) { orderUpdated(id: $id) { id } }", { id: cast.orderId }],
  ["subscription($id: ID!) { shopActivity(shopId: $id) { id } }", { id: cast.shopId }],
  ["subscription { earningsUpdated { currency } }", {}],
  ["subscription { nothing }", {}],
  ["subscription { a: earningsUpdated { currency } b: earningsUpdated { currency } }", {}],
]) {
  const refused = await watch(stranger, query, variables).next().catch((errors) => errors);
  check(`a stranger is refused: ${query}`, Array.isArray(refused) && refused[0].extensions.code, JSON.stringify(refused));
}
for (const client of [buyer, shopholder, brand, stranger]) await client.dispose();

const init = (socket, payload) => socket.send(JSON.stringify({ type: "connection_init", payload }));
const subscribe = (socket) => socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query: "subscription($id: ID!) { orderUpdated(id: $id) { id } }", variables: { id: cast.orderId } } }));
for (const [code, what, params, act] of [
  [4400, "what is no message", {}, (socket) => socket.send("hello")],
  [4400, "a message in bytes", {}, (socket) => socket.send(Buffer.from("{}"))],
  [4401, "an operation before the acknowledgement", {}, subscribe],
  [4403, "a token that opens nothing", {}, (socket) => init(socket, { Authorization: "Bearer nothing" })],
  [4406, "naming no protocol", { protocol: [] }, () => {}],
  [4408, "saying nothing", {}, () => {}],
  [4409, "the same id twice", {}, (socket) => { init(socket, cast.headers.buyer); socket.on("message", (text) => text.includes("connection_ack") && (subscribe(socket), subscribe(socket))); }],
  [4429, "opening it twice", {}, (socket) => { init(socket); init(socket); }],
  [1009, "a message too long", {}, (socket) => socket.send("x".repeat(300 * 1024))],
  [403, "a page of another origin", { origin: "https://evil.example" }, () => {}],
]) {
  const got = await closed(params, act);
  check(`${what} closes with ${code}`, got === code, got);
}
finish("Subscriptions, by the client of graphql-ws");
