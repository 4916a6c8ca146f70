import { defineConfig } from "vite";

// The page and the API share an origin while you develop: what the page asks of /graphql goes to Vitrine.
const vitrine = process.env.VITRINE_URL ?? "http://127.0.0.1:4000";

export default defineConfig({
  server: { port: 5173, strictPort: true, proxy: { "/graphql": vitrine } },
});
