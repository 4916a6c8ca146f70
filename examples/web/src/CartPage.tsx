import { type FormEvent, useRef, useState } from "react";
import { type CombinedError, useClient, useQuery } from "urql";

import { basket, keepBasket } from "./basket";
import type { CartPartsFragment } from "./gql/graphql";
import { isNothing, shown } from "./money";
import { Broken, Refused } from "./Notices";
import { OrderPage } from "./OrderPage";
import { CartLinesRemove, CartShown, CheckoutStart, Deliver } from "./operations";

type UserError = { code: string; message: string };

export function CartPage() {
  const kept = basket();
  const [{ data, error, fetching }] = useQuery({
    query: CartShown,
    variables: { id: kept?.cart ?? "" },
    pause: !kept,
    requestPolicy: "cache-and-network",
  });
  const cart = data?.cart;
  if (cart?.state === "ORDERED") return <OrderPage id={kept?.order ?? ""} />;
  if (!kept || (!fetching && !error && !cart?.lines.length)) return <p>Your cart is empty.</p>;
  return (
    <>
      <h1>Cart</h1>
      <Broken error={error} />
      {cart && <Lines cart={cart} />}
      {cart && <Costs cart={cart} />}
      {cart && <Address cart={cart} />}
      {cart && <Checkout cart={cart} />}
    </>
  );
}

function Lines({ cart }: { cart: CartPartsFragment }) {
  const client = useClient();
  const remove = (line: string) =>
    client.mutation(CartLinesRemove, { input: { cartId: cart.id, lines: [line] } });
  return (
    <ul className="lines">
      {cart.lines.map((line) => (
        <li key={line.id}>
          <span>
            {line.quantity} × {line.title} {line.product?.optionNames.length ? line.variantTitle : ""}
            {line.shopName && <small> from {line.shopName}</small>}
          </span>
          <span>{shown(line.cost.total)}</span>
          <button type="button" aria-label={`Remove ${line.title}`} onClick={() => remove(line.id)}>
            ×
          </button>
          {line.disclosure && <small className="disclosure">{line.disclosure}</small>}
        </li>
      ))}
    </ul>
  );
}

function Costs({ cart: { cost } }: { cart: CartPartsFragment }) {
  if (!cost) return null;
  return (
    <dl>
      <dt>Goods</dt>
      <dd>{shown(cost.subtotal)}</dd>
      {!isNothing(cost.discountTotal) && <dt>Of which you save</dt>}
      {!isNothing(cost.discountTotal) && <dd>{shown(cost.discountTotal)}</dd>}
      <dt>Shipping</dt>
      <dd>{shown(cost.shippingTotal)}</dd>
      <dt>Total, {shown(cost.vat)} VAT included</dt>
      <dd>{shown(cost.total)}</dd>
    </dl>
  );
}

const FIELDS = [
  { name: "name", label: "Name", type: "text", complete: "name" },
  { name: "email", label: "E-mail", type: "email", complete: "email" },
  { name: "line1", label: "Street", type: "text", complete: "address-line1" },
  { name: "postalCode", label: "Postal code", type: "text", complete: "postal-code" },
  { name: "city", label: "City", type: "text", complete: "address-level2" },
  { name: "country", label: "Country (DE, FR, …)", type: "text", complete: "country" },
] as const;

function Address({ cart }: { cart: CartPartsFragment }) {
  const client = useClient();
  const [errors, setErrors] = useState<readonly UserError[]>([]);
  const known: Record<string, string | null | undefined> = {
    ...cart.deliveryAddress,
    name: cart.name,
    email: cart.email,
  };
  const save = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name) ?? "");
    const saved = await client.mutation(Deliver, {
      buyer: { cartId: cart.id, name: field("name"), email: field("email") },
      address: {
        cartId: cart.id,
        line1: field("line1"),
        postalCode: field("postalCode"),
        city: field("city"),
        country: field("country").toUpperCase(),
      },
    });
    const { cartBuyerUpdate, cartDeliveryAddressUpdate } = saved.data ?? {};
    setErrors([...(cartBuyerUpdate?.userErrors ?? []), ...(cartDeliveryAddressUpdate?.userErrors ?? [])]);
  };
  return (
    <form onSubmit={save}>
      <h2>Deliver to</h2>
      {FIELDS.map(({ name, label, type, complete }) => (
        <label key={name}>
          {label}
          <input name={name} type={type} autoComplete={complete} required defaultValue={known[name] ?? ""} />
        </label>
      ))}
      <button type="submit">Save</button>
      <Refused errors={errors} />
    </form>
  );
}

/** The buyer pays exactly what she was shown: if a price changed meanwhile, nothing happens but that she is told. One key
 * for each wish to buy, so that a second click, or a repeat after a broken connection, is the same order. */
function Checkout({ cart }: { cart: CartPartsFragment }) {
  const client = useClient();
  const key = useRef(crypto.randomUUID());
  const [errors, setErrors] = useState<readonly UserError[]>([]);
  const [lost, setLost] = useState<CombinedError>();
  const { cost, problems } = cart;
  const buy = async () => {
    if (!cost) return;
    const { amount, currency } = cost.total;
    const here = location.href.replace(/#.*/, "");
    const input = {
      cartId: cart.id,
      expectedTotal: { amount, currency },
      successUrl: `${here}#/bought`,
      cancelUrl: `${here}#/cart`,
      idempotencyKey: key.current,
    };
    const started = await client.mutation(CheckoutStart, { input });
    const payload = started.data?.checkoutStart;
    if (payload?.order?.checkoutUrl) {
      keepBasket({ cart: cart.id, secret: basket()?.secret ?? null, order: payload.order.id });
      location.assign(payload.order.checkoutUrl);
    }
    setErrors(payload?.userErrors ?? []);
    setLost(started.error);
    // What was refused left its key free, but the next wish may be another. Without an answer the order may be there: the
    // next click asks for the same.
    if (payload && !payload.order) key.current = crypto.randomUUID();
  };
  return (
    <>
      {problems.map(({ code, message }) => (
        <p key={code + message}>{message}</p>
      ))}
      <button type="button" className="buy" disabled={problems.length > 0 || !cost} onClick={buy}>
        Buy now{cost ? ` for ${shown(cost.total)}` : ""}
      </button>
      <Refused errors={errors} />
      <Broken error={lost} />
    </>
  );
}
