"use strict";
// GraphiQL over this server, with example operations per actor, a tab each. `?query=` and `?variables=` open a tab of
// their own; `?shop=` opens that shop's page, as a referral link does.
(function () {
  const parameters = new URLSearchParams(location.search);
  const handle = parameters.get("shop");
  const click = (parameters.get("click") || "").replace(/[^\w.-]/g, "");

  const visitor = (shop) => `# Visitor: a shop, with what its buyers pay.
query Shop {
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

  const buyer = `# Buyer: fill a cart, say where to send it, and pay on Stripe's page.
# Keep the guestSecret, and send it under Headers from then on: { "Vitrine-Guest": "…" }
mutation CreateCart {
  cartCreate(input: {
    clickToken: ${click ? JSON.stringify(click) : "null"}
    lines: [{ variantId: "var_…", quantity: 1, recommendationId: "rec_…" }]
  }) {
    cart { id }
    guestSecret
    userErrors { code message field }
  }
}

mutation Buyer {
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

query Order {
  order(id: "order_…") {
    number
    paymentStatus
    fulfillmentStatus
    lines { title quantity cost { price { amount } discountAllocations { amount { amount } fundedBy } } }
  }
}
`;

  const shopholder = `# Shopholder. Put your token under Headers: { "Authorization": "Bearer vs_…" }
query SignedInAs {
  viewer {
    name
    earnings { currency held { amount } available { amount } paidOut { amount } owed { amount } nextReleaseAt }
    statement(first: 20) {
      nodes { occurredAt description balance amount { amount currency } }
    }
  }
}

query WhatIfIGaveMore {
  splitPreview(productIds: ["prod_…"], shares: [0, 2500, 5000, 10000]) {
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
  recommendationAdd(input: { shopId: "shop_…", productId: "prod_…", discountShare: 4000, note: "I would buy it again." }) {
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
query Orders {
  brand(handle: "herd-und-halm") {
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
    orderId: "order_…", lines: [{ orderLineId: "oline_…", quantity: 1 }], carrier: "DHL", trackingCode: "0034…"
  }) {
    fulfillment { id }
    userErrors { code message field }
  }
}

mutation GiveBack {
  orderLinesRefund(input: {
    orderId: "order_…", lines: [{ orderLineId: "oline_…", quantity: 1 }], reason: "It arrived broken.", idempotencyKey: "refund-1"
  }) {
    refund { id state amount { amount currency } }
    userErrors { code message field }
  }
}

mutation Import {
  productImportCreate(input: { brandId: "brand_…", fileName: "products.csv" }) {
    productImport { id uploadUrl }
    userErrors { code message field }
  }
}
`;

  const operator = `# Operator: an account made one with \`vitrine operator ADDRESS\`. Sign in, and put the token under Headers.
mutation SignIn {
  sessionCreate(input: { email: "olga@vitrine.example", password: "correct horse battery" }) {
    session { token expiresAt }
    userErrors { code message }
  }
}

mutation WhoBearsStripesFee {
  brandFeeBearerSet(input: { brandId: "brand_…", feeBearer: PLATFORM }) {
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

  const tabs = [visitor(handle || "annas-finds"), buyer, shopholder, brand, operator].map((query) => ({ query }));
  if (parameters.has("query")) {
    tabs.unshift({ query: parameters.get("query"), variables: parameters.get("variables") || undefined });
  }

  const fetcher = GraphiQL.createFetcher({
    url: "/graphql",
    headers: { Accept: "application/graphql-response+json, application/json;q=0.9" },
  });
  const options = { fetcher, defaultTabs: tabs, shouldPersistHeaders: false, defaultEditorToolsVisibility: "headers" };
  ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, options));
})();
