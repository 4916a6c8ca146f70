// 10 000 random documents against the limits. Whatever is refused is refused in 50 milliseconds: a document that took
// longer is sent again, twice at most, since a busy machine is slow by chance and a slow document is slow always.
import { buildSchema, isObjectType, isNonNullType, getNamedType } from "graphql";
import { readFileSync } from "node:fs";
import { broken, check, finish, held, server } from "./tally.mjs";

const COUNT = Number(process.env.VITRINE_DOCUMENTS ?? 10_000);
const PATIENCE = 50;
const schema = buildSchema(readFileSync(process.argv[2], "utf8"), { assumeValidSDL: true });

// The same documents for the same seed (mulberry32).
let state = Number(process.env.VITRINE_SEED ?? 20_261_122);
function chance() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (n) => Math.floor(chance() * n);
const pick = (list) => list[below(list.length)];
const times = (n, make) => Array.from({ length: n }, (_, index) => make(index)).join(" ");

// A walk over the schema, as deep and as wide as told.
function fields(type, depth, width) {
  const known = Object.values(type.getFields());
  return times(1 + below(width), (index) => {
    const field = pick(known);
    const alias = chance() < 0.3 ? `a${index}_${below(1000)}: ` : "";
    const paged = field.args.some((argument) => argument.name === "first");
    const given = field.args.filter((argument) => isNonNullType(argument.type));
    const values = given.map((argument) => `${argument.name}: ${pick(['"x"', "1", "[]", "{}", "null", "ENUM"])}`);
    if (paged && chance() < 0.8) values.push(`first: ${pick([1, 10, 50, 100, 101, 100000, -1])}`);
    const of = getNamedType(field.type);
    const args = values.length ? `(${values.join(", ")})` : "";
    if (!isObjectType(of)) return `${alias}${field.name}${args}`;
    return depth > 0 ? `${alias}${field.name}${args} { ${fields(of, depth - 1, width)} }` : "__typename";
  });
}

const kinds = {
  walk: () => `{ ${fields(schema.getQueryType(), below(20), 1 + below(4))} }`,
  change: () => `mutation { ${fields(schema.getMutationType(), below(6), 1 + below(8))} }`,
  fragments: () => {
    const count = 1 + below(60);
    const spreads = 1 + below(6);
    const from = (n) => times(spreads, () => `...f${chance() < 0.9 ? n + 1 + below(3) : below(count)}`);
    const level = (n) => `fragment f${n} on Query { ${n < count - 1 ? from(n) : "viewer { id }"} }`;
    return `{ ...f0 } ${times(count, level)}`;
  },
  crossing: () => `{ ${times(1 + below(300), (n) => `...f${n}`)} } ${times(300, (n) => `fragment f${n} on Query { viewer { id name } }`)}`,
  overlaps: () => `{ ${times(1 + below(19), () => `viewer { ${times(1 + below(300), () => pick(["id", "name", "id: name", "createdAt"]))} }`)} }`,
  aliases: () => `{ viewer { ${times(1 + below(400), (n) => `a${n}: id`)} } }`,
  directives: () => `{ viewer { id ${times(1 + below(400), () => pick(["@skip(if: false)", "@include(if: true)", "@x", "@access(who: ANYONE)"]))} } }`,
  nested: () => {
    const depth = 1 + below(3000);
    const [open, close] = pick([["{a", "}"], ["{ viewer ", "}"], ["{ node(id: [", "])}"], ["... on Query {", "}"]]);
    return `{ ${open.repeat(depth)} ${close.repeat(below(2) * depth)} }`;
  },
  arguments: () => `{ ${pick(["node", "shops", "nope"])}(${times(1 + below(2000), (n) => `a${n}: ${pick(["1", '"x"', "$v", "[1, 2]", "{ a: 1 }"])}`)}) { id } }`,
  values: () => `{ nodes(ids: [${times(1 + below(5000), () => pick(['"x"', "1", "$v", "null", '"""b"""']))}]) { id } }`,
  variables: () => `query(${times(1 + below(1000), (n) => `$v${n}: ${pick(["ID!", "[[Int]]", "Nope", "Int = 3"])}`)}) { viewer { id } }`,
  operations: () => times(1 + below(300), (n) => `query q${n} { viewer { id } }`),
  pages: () => `{ ${times(1 + below(6), (n) => `l${n}: shops(first: ${below(101)}) { nodes { recommendations(first: ${below(101)}) { nodes { product { variants { id } } } } } }`)} }`,
  soup: () => times(1 + below(3000), () => pick(["{", "}", "(", ")", "a", "...", "on", "@", "$", ":", "!", '"', '"""', "#", "\n", "1e999", "[", "]", "=", "|", "fragment", "query", "\u0000", "é"])),
  long: () => `{ ${"x".repeat(1 + below(200_000))} }`,
};

async function send(query) {
  const began = performance.now();
  const response = await fetch(`${server}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/graphql-response+json" },
    body: JSON.stringify({ query }),
  });
  const body = await response.text();
  return { status: response.status, body, took: performance.now() - began };
}

let refused = 0;
let executed = 0;
let repeated = 0;
const taken = [];
const slow = [];
for (let n = 0; n < COUNT; n += 1) {
  const kind = pick(Object.keys(kinds));
  const query = kinds[kind]();
  let answer = await send(query);
  if (answer.status === 200) {
    executed += 1;
    continue;
  }
  refused += 1;
  if (answer.status !== 400 || !answer.body.includes('"code"') || answer.body.includes('"data"')) {
    broken(`${kind} is refused as GraphQL over HTTP says`, `${answer.status} ${answer.body.slice(0, 300)}\n${query.slice(0, 300)}`);
    continue;
  }
  let took = answer.took;
  for (let again = 0; again < 2 && took > PATIENCE; again += 1) {
    repeated += 1;
    answer = await send(query);
    took = Math.min(took, answer.took);
  }
  taken.push(took);
  if (took > PATIENCE) slow.push({ kind, took, query });
  else held(kind);
}
for (const { kind, took, query } of slow.slice(0, 10)) {
  broken(`${kind} is refused in ${PATIENCE} ms`, `${took.toFixed(1)} ms, ${query.length} characters: ${query.slice(0, 300)}`);
}
taken.sort((one, other) => one - other);
const at = (part) => taken[Math.min(taken.length - 1, Math.floor(taken.length * part))].toFixed(1);
console.log(`   of ${COUNT} documents ${refused} were refused and ${executed} executed`);
console.log(`   refused within ${at(0.5)} ms at the median, ${at(0.99)} ms for 99 of 100, ${at(1)} ms at most; ${repeated} sent again`);
check("most random documents are refused", refused > COUNT / 2, `${refused} of ${COUNT}`);
finish("Limits: random documents");
