/** The whole way without a browser, with the page's own operations, against `vitrine demo`: sign in, look at a shop, fill a
 * cart, check out, pay at the local Stripe, and read the order. It ends with an error if anything is not as it must be.
 *
 *   VITRINE_URL=http://127.0.0.1:4000 npm run story
 */
import assert from "node:assert/strict";
import type { Client, CombinedError } from "urql";

import { connect, type Tokens } from "./src/client";
import { shown } from "./src/money";
import {
  CartCreate,
  CartShown,
  CheckoutStart,
  Deliver,
  Mine,
  OrderPage,
  ShopPage,
  Shops,
  SignIn,
  SignOut,
} from "./src/operations";

const vitrine = process.env.VITRINE_URL ?? "http://127.0.0.1:4000";
const [email, password] = ["anna@example.com", "correct horse battery"];

let guestSecret: string | null = null;

function client(tokens: Tokens): Client {
  const signedOut = () => {
    throw new Error("the session has ended");
  };
  return connect({ url: `${vitrine}/graphql`, tokens, guestSecret: () => guestSecret, signedOut });
}

/** The data of an answer without errors. */
function told<T>({ data, error }: { data?: T; error?: CombinedError }): T {
  if (error) throw error;
  assert(data, "there is an answer");
  return data;
}

/** A payload without user errors. */
function done<T extends { userErrors: readonly { message: string }[] }>(payload: T | null): T {
  assert.deepEqual(payload?.userErrors, []);
  assert(payload);
  return payload;
}

async function signIn(): Promise<void> {
  const tokens: Tokens = { kind: "kept", access: null, refresh: null };
  const anna = client(tokens);
  const entered = await anna.mutation(SignIn, { input: { email, password, deviceName: "story" } });
  const session = done(told(entered).sessionCreate).session;
  assert(session?.accessToken && session.refreshToken, "she is told her tokens");
  // An access token that has run out is made anew on the way, and nobody notices.
  tokens.access = "vs_run_out";
  tokens.refresh = session.refreshToken;
  const mine = told(await anna.query(Mine, {})).viewer;
  assert(mine, "she is signed in");
  assert.notEqual(tokens.refresh, session.refreshToken, "each refresh gives another token");
  console.log(`${mine.name} is signed in, and has ${mine.shops?.map(({ name }) => name).join(", ")}.`);
  done(told(await anna.mutation(SignOut, {})).sessionRevoke);
}

/** A visitor picks what the first shop recommends. */
async function fillCart(visitor: Client): Promise<string> {
  const [first] = told(await visitor.query(Shops, {})).shops.nodes;
  assert(first, "there is a shop");
  const { shop } = told(await visitor.query(ShopPage, { handle: first.handle }));
  const offered = shop?.recommendations.nodes.filter(({ isOffered }) => isOffered) ?? [];
  const lines = offered.slice(0, 2).map(({ id, splits }) => {
    const split = splits.find(({ variant }) => variant.isAvailable);
    assert(split, "what is offered can be bought");
    return { variantId: split.variant.id, recommendationId: id, quantity: 1 };
  });
  const made = done(told(await visitor.mutation(CartCreate, { input: { lines } })).cartCreate);
  assert(made.cart && made.guestSecret, "a guest is told the secret that opens her cart");
  guestSecret = made.guestSecret;
  console.log(`A cart of ${shop?.name} with ${made.cart.lines.map(({ title }) => title).join(" and ")}.`);
  return made.cart.id;
}

async function checkOut(visitor: Client, cartId: string): Promise<{ id: string; url: string }> {
  const address = { cartId, line1: "Gartenweg 3", postalCode: "10115", city: "Berlin", country: "DE" };
  const buyer = { cartId, email: "story@example.com", name: "Stella Story" };
  const delivered = told(await visitor.mutation(Deliver, { buyer, address }));
  done(delivered.cartBuyerUpdate);
  const cart = done(delivered.cartDeliveryAddressUpdate).cart;
  assert.deepEqual(cart?.problems, [], "nothing stands in the way");
  assert(cart?.cost);
  const { amount, currency } = cart.cost.total;
  const input = {
    cartId,
    expectedTotal: { amount, currency },
    successUrl: `${vitrine}/bought`,
    cancelUrl: `${vitrine}/cart`,
    idempotencyKey: crypto.randomUUID(),
  };
  const { order } = done(told(await visitor.mutation(CheckoutStart, { input })).checkoutStart);
  assert(order?.checkoutUrl, "there is a page to pay on");
  console.log(`Order ${order.number} of ${shown({ amount, currency })} waits for its payment.`);
  const again = done(told(await visitor.mutation(CheckoutStart, { input })).checkoutStart);
  assert.equal(again.order?.id, order.id, "the same key is the same order");
  return { id: order.id, url: order.checkoutUrl };
}

async function pay(url: string): Promise<void> {
  const card = { card_number: "4242424242424242", exp: "12/80", cvc: "123", name: "Stella Story" };
  const paid = await fetch(url, { method: "POST", body: new URLSearchParams(card), redirect: "manual" });
  assert.equal(Math.floor(paid.status / 100), 3, "the page sends the buyer back");
}

async function readOrder(visitor: Client, id: string): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const { order } = told(await visitor.query(OrderPage, { id }, { requestPolicy: "network-only" }));
    if (order?.paymentStatus === "PAID") return console.log(`Order ${order.number} is paid.`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error("the order is not paid after half a minute");
}

const visitor = client({ kind: "cookies" });
await signIn();
const cart = await fillCart(visitor);
const order = await checkOut(visitor, cart);
await pay(order.url);
await readOrder(visitor, order.id);
guestSecret = null;
const { order: others } = told(await visitor.query(OrderPage, { id: order.id }, { requestPolicy: "network-only" }));
assert.equal(others, null, "without the secret nobody reads it");
const { cart: open } = told(await visitor.query(CartShown, { id: cart }, { requestPolicy: "network-only" }));
assert.equal(open, null, "nor the cart");
console.log("All as it must be.");
