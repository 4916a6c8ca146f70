import type { CodegenConfig } from "@graphql-codegen/cli";

/** Types for the documents in src/operations.ts, from the contract in the repository. Amounts are text with exactly the
 * currency's decimals, so that no float ever holds money. */
const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "src/operations.ts",
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        strictScalars: true,
        enumsAsTypes: true,
        scalars: { DateTime: "string", Decimal: "string", UnsignedInt64: "string | number" },
      },
    },
  },
};

export default config;
