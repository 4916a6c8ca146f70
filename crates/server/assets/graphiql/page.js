"use strict";
// GraphiQL over this server, with example operations per actor, a tab each; in the demo with everybody's headers and what
// there is to name filled in. `?query=` and `?variables=` open a tab of their own; `?shop=` opens that shop's page, as a
// referral link does; `?order=` and `#guest=` open an order, as a buyer's letters do.
(async function () {
  const cast = await fetch("/graphiql/cast.json").then((answer) => (answer.ok ? answer.json() : {})).catch(() => ({}));
  const parameters = new URLSearchParams(location.search);
  // What stands behind the # is never sent anywhere, and need not stay in the address bar.
  const guest = new URLSearchParams(location.hash.slice(1)).get("guest");
  if (guest) history.replaceState(null, "", location.pathname + location.search);
  const order = parameters.get("order");
  const known = (name, example) => JSON.stringify(cast[name] || example);
  const handle = parameters.get("shop") || cast.shop;
  const click = (parameters.get("click") || "").replace(/[^\w.-]/g, "");

  const visitor = (shop) => `# Visitor: a shop, with what its buyers pay. Nobody needs to sign in for this.
query Visitor {
  shop(handle: ${JSON.stringify(shop)}) {
    name
    about
    recommendations(first: 10) {
      nodes {
        id
        note
        disclosure
        priceFrom { amount currency }
        product {
          title
          brand { name }
          variants { id title isAvailable price { amount currency } }
        }
      }
    }
  }
}

query Products {
  products(search: "pan", first: 5, orderBy: PRICE_LOW_FIRST) {
    nodes { id title brand { name } priceRange { min { amount currency } } }
  }
}
`;

  const buyer = `# Buyer: her order, opened by the guest's secret under Headers: { "Vitrine-Guest": "…" }
query Buyer {
  order(id: ${JSON.stringify(order || cast.orderId || "order_…")}) {
    number
    paymentStatus
    fulfillmentStatus
    lines { title quantity cost { price { amount } discountAllocations { amount { amount } fundedBy } } }
  }
}

# To buy: fill a cart, say where to send it, and pay on Stripe's page.
# Keep the guestSecret, and send it under Headers from then on.
mutation CreateCart {
  cartCreate(input: {
    clickToken: ${click ? JSON.stringify(click) : "null"}
    lines: [{ variantId: ${known("variantId", "var_…")}, quantity: 1, recommendationId: ${known("recommendationId", "rec_…")} }]
  }) {
    cart { id }
    guestSecret
    userErrors { code message field }
  }
}

mutation WhoAndWhere {
  cartBuyerUpdate(input: { cartId: "cart_…", email: "berta@example.com", name: "Berta Buyer" }) {
    userErrors { code message field }
  }
  cartDeliveryAddressUpdate(input: {
    cartId: "cart_…", line1: "Lindenstraße 7", postalCode: "10969", city: "Berlin", country: "DE"
  }) {
    cart {
      problems { code message }
      cost { subtotal { amount } shippingTotal { amount } total { amount currency } }
    }
    userErrors { code message field }
  }
}

mutation Checkout {
  checkoutStart(input: {
    cartId: "cart_…"
    expectedTotal: { amount: "0.00", currency: EUR }
    successUrl: "${location.origin}/graphiql"
    cancelUrl: "${location.origin}/graphiql"
    idempotencyKey: "my-first-order"
  }) {
    order { id number checkoutUrl }
    userErrors { code message field }
  }
}
`;

  const shopholder = `# Shopholder. Put your token under Headers: { "Authorization": "Bearer vs_…" }
query Shopholder {
  viewer {
    name
    earnings { currency held { amount } available { amount } paidOut { amount } owed { amount } nextReleaseAt }
    statement(first: 20) {
      nodes { occurredAt description amount { amount currency } balance { amount } }
    }
  }
}

query WhatIfIGaveMore {
  splitPreview(productIds: [${known("productId", "prod_…")}], shares: [0, 2500, 5000, 10000]) {
    shares { discountShare cheapest { price { amount } earnings { amount } } }
  }
}

mutation OpenShop {
  shopOpen(input: { handle: "my-finds", name: "My Finds", about: "What I use every day." }) {
    shop { id }
    userErrors { code message field }
  }
}

mutation Recommend {
  recommendationAdd(input: { shopId: ${known("shopId", "shop_…")}, productId: ${known("productId", "prod_…")}, discountShare: 4000, note: "I would buy it again." }) {
    recommendation { id priceFrom { amount currency } earningsFrom { amount currency } }
    userErrors { code message field }
  }
}

query MySales {
  shop(handle: ${JSON.stringify(handle || "annas-finds")}) {
    sales(first: 20) { nodes { soldAt title quantity creditReason earnings { amount currency } state } }
    referralLinks(first: 10) { nodes { url label clicks sales } }
  }
}
`;

  const brand = `# Brand staff. Put your token under Headers: { "Authorization": "Bearer vs_…" }
query Brand {
  brand(${cast.brandId ? `id: ${JSON.stringify(cast.brandId)}` : 'handle: "herd-und-halm"'}) {
    name
    terms { commissionRate shopWindowDays }
    orders(first: 10) {
      nodes {
        orderId
        number
        fulfillmentStatus
        buyerName
        lines { id title variantTitle quantity price { amount } commission { amount } }
      }
    }
    balance { held { amount } available { amount } paidOut { amount currency } }
  }
}

mutation Ship {
  fulfillmentCreate(input: {
    orderId: ${known("orderId", "order_…")}, lines: [{ orderLineId: ${known("orderLineId", "oline_…")}, quantity: 1 }], carrier: "DHL", trackingCode: "0034…"
  }) {
    fulfillment { id }
    userErrors { code message field }
  }
}

mutation GiveBack {
  orderLinesRefund(input: {
    orderId: ${known("orderId", "order_…")}, lines: [{ orderLineId: ${known("orderLineId", "oline_…")}, quantity: 1 }], reason: "It arrived broken.", idempotencyKey: "refund-1"
  }) {
    refund { id state amount { amount currency } }
    userErrors { code message field }
  }
}

mutation Import {
  productImportCreate(input: { brandId: ${known("brandId", "brand_…")}, fileName: "products.csv" }) {
    productImport { id uploadUrl }
    userErrors { code message field }
  }
}
`;

  const operator = `# Operator: an account made one with \`vitrine operator ADDRESS\`. Put your token under Headers: { "Authorization": "Bearer vs_…" }
query Operator {
  reconciliation { lastRunAt }
  disputes(first: 10) { nodes { id } }
  adjustments(first: 10) { nodes { id } }
}

mutation SignIn {
  sessionCreate(input: { email: "olga@vitrine.example", password: "correct horse battery" }) {
    session { accessToken accessTokenExpiresAt refreshToken }
    userErrors { code message }
  }
}

mutation WhoBearsStripesFee {
  brandFeeBearerSet(input: { brandId: ${known("brandId", "brand_…")}, feeBearer: PLATFORM }) {
    brand { feeBearer }
    userErrors { code message field }
  }
}

mutation PayNow {
  payoutRun(input: { idempotencyKey: "today" }) {
    userErrors { code message field }
  }
}
`;

  const headers = cast.headers || {};
  if (guest) headers.buyer = { "Vitrine-Guest": guest };
  const tab = (actor, query) => ({ query, headers: headers[actor] && JSON.stringify(headers[actor], null, 2) });
  const tabs = [
    tab("visitor", visitor(handle || "annas-finds")),
    tab("shopholder", shopholder),
    tab("buyer", buyer),
    tab("brand", brand),
    tab("operator", operator),
  ];
  // The page opens on its first tab.
  if (order) tabs.unshift(...tabs.splice(2, 1));
  if (parameters.has("query")) {
    tabs.unshift({ query: parameters.get("query"), variables: parameters.get("variables") || undefined });
  }

  const fetcher = GraphiQL.createFetcher({
    url: "/graphql",
    headers: { Accept: "application/graphql-response+json, application/json;q=0.9" },
  });
  const options = {
    fetcher,
    defaultTabs: tabs,
    // The first tab's headers: GraphiQL takes those of the others from the tabs.
    headers: tabs[0].headers,
    shouldPersistHeaders: false,
    defaultEditorToolsVisibility: "headers",
  };
  // What an earlier visit left would hide what this address, or this demo, is about.
  if (cast.headers || [...parameters].length > 0) options.storage = null;
  ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, options));
})();
