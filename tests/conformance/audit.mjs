// Every audit of graphql-http, the SHOULDs and MAYs included: a warning is a failure here.
import { serverAudits } from "graphql-http";
import { broken, finish, held, server } from "./tally.mjs";

for (const audit of serverAudits({ url: `${server}/graphql` })) {
  const result = await audit.fn();
  const what = `${audit.id} ${audit.name}`;
  if (result.status === "ok") held(what);
  else broken(what, `${result.status}: ${result.reason} (status ${result.response?.status})`);
}
finish("GraphQL over HTTP, audits of graphql-http");
