// PostGraphile as its documentation has it for production, over the product's own tables. Only one plugin is left out: it
// would hide the relations of which a partial index is the only one.
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

export default {
  extends: [PostGraphileAmberPreset],
  disablePlugins: ["PgIndexBehaviorsPlugin"],
  pgServices: [makePgService({ connectionString: process.env.BENCH_DATABASE, schemas: ["public"] })],
  grafserv: { port: Number(process.env.BENCH_PORT), host: "127.0.0.1", watch: false, graphiql: false },
  grafast: { explain: false },
};
