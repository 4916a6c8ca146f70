"use strict";
// GraphiQL over this server, with an example operation per actor. `?query=` and `?variables=` open a tab of their own;
// `?shop=` opens that shop's page, as a referral link does.
(function () {
  const parameters = new URLSearchParams(location.search);
  const shop = parameters.get("shop");
  const click = parameters.get("click");

  const shopPage = (handle) => `# A shop as its visitors see it.
query Shop {
  shop(handle: ${JSON.stringify(handle)}) {
    name
    about
    recommendations(first: 10) {
      nodes {
        id
        note
        disclosure
        product { title brand { name } }
      }
    }
  }
}
`;

  const examples = [
    `# Anyone: who am I? Sign in with sessionCreate, then put the token below, under Headers:
# { "Authorization": "Bearer vs_…" }
query Viewer {
  viewer { id name email }
}
`,
    `# Everybody: open an account.
mutation OpenAccount {
  accountCreate(input: { email: "anna@example.com", name: "Anna", password: "correct horse battery" }) {
    account { id }
    userErrors { code message field }
  }
}
`,
    `# Everybody: sign in.
mutation SignIn {
  sessionCreate(input: { email: "anna@example.com", password: "correct horse battery" }) {
    session { token expiresAt }
    userErrors { code message }
  }
}
`,
  ];

  const tabs = examples.map((query) => ({ query }));
  if (parameters.has("query")) {
    tabs.unshift({ query: parameters.get("query"), variables: parameters.get("variables") || undefined });
  } else if (shop) {
    const note = click ? `# Your click token, for cartCreate(input: { clickToken: … }):\n# ${click.replace(/[^\w.-]/g, "")}\n` : "";
    tabs.unshift({ query: note + shopPage(shop) });
  }

  const fetcher = GraphiQL.createFetcher({
    url: "/graphql",
    headers: { Accept: "application/graphql-response+json, application/json;q=0.9" },
  });
  ReactDOM.createRoot(document.getElementById("graphiql")).render(
    React.createElement(GraphiQL, { fetcher, defaultTabs: tabs, shouldPersistHeaders: false, defaultEditorToolsVisibility: "headers" }),
  );
})();
