// Counts what held, tells what did not, and ends with the status that says so.
let passed = 0;
let failed = 0;

export function held(what) {
  passed += 1;
  if (process.env.VITRINE_VERBOSE) console.log(`   ok      ${what}`);
}

export function broken(what, why) {
  failed += 1;
  console.log(`   BROKEN  ${what}\n           ${String(why).replaceAll("\n", "\n           ")}`);
}

export function check(what, holds, why) {
  if (holds) held(what);
  else broken(what, why);
}

export function finish(name) {
  console.log(`   ${name}: ${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

export const server = process.env.VITRINE_URL;
export const cast = JSON.parse(process.env.VITRINE_CAST);

// One operation by POST, in the newer media type; `actor` is one of the demo's.
export async function ask(query, variables = {}, actor = null) {
  const response = await fetch(`${server}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json",
      ...(actor ? cast.headers[actor] : {}),
    },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, body: await response.json() };
}
