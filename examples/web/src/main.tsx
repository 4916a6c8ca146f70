import { createRoot } from "react-dom/client";
import { Provider } from "urql";

import { App } from "./App";
import { basket } from "./basket";
import { connect } from "./client";
import "./style.css";

const client = connect({
  url: "/graphql",
  tokens: { kind: "cookies" },
  guestSecret: () => basket()?.secret ?? null,
  signedOut: () => {},
});

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <Provider value={client}>
      <App />
    </Provider>,
  );
}
