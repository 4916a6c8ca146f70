// Holds the contract to the one of the last release: what a client of that may ask for is still answered. Whether breaks
// would be noticed is tried first, on copies of the contract that are broken on purpose.
import { existsSync, readFileSync } from "node:fs";
import { CriticalityLevel, diff } from "@graphql-inspector/core";
import { buildASTSchema, Kind, parse, visit } from "graphql";

import { broken, check, finish, held } from "./tally.mjs";

const current = parse(readFileSync("schema.graphql", "utf8"));
const schema = (document) => buildASTSchema(document, { assumeValidSDL: true });

async function breaks(before, after) {
  const changes = await diff(schema(before), schema(after));
  return changes.filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking);
}

// The document with what `change` makes of the definition named `type`.
function changed(type, change) {
  return visit(current, {
    enter: (node) => (node.name?.value === type && node.kind.endsWith("Definition") ? change(node) : undefined),
  });
}

const without = (name) => (node) => ({ ...node, fields: node.fields.filter((field) => field.name.value !== name) });
const retyped = (name, type) => (node) => ({
  ...node,
  fields: node.fields.map((field) => (field.name.value === name ? { ...field, type } : field)),
});
const named = (value) => ({ kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value } });
const required = (value) => ({ kind: Kind.NON_NULL_TYPE, type: named(value) });

for (const [what, after] of [
  ["a field taken away", changed("Product", without("title"))],
  ["a field that may be null now", changed("Product", retyped("title", named("String")))],
  ["an input field that must be given now", changed("ShopOpenInput", retyped("about", required("String")))],
  ["a code taken away", changed("UserErrorCode", (node) => ({ ...node, values: node.values.slice(1) }))],
]) {
  check(`${what} is noticed`, (await breaks(current, after)).length === 1, "nothing was");
}
check("a field added breaks nothing", (await breaks(changed("Product", without("title")), current)).length === 0, "it does");

if (existsSync("schema.released.graphql")) {
  const released = parse(readFileSync("schema.released.graphql", "utf8"));
  for (const change of await breaks(released, current)) broken(change.path, change.message);
  held("the contract of the last release");
} else {
  console.log("   nothing was released yet: there is no contract to keep");
}
finish("Changes");
