import { useState } from "react";
import { useClient, useQuery } from "urql";

import { basket, clickToken, keepBasket } from "./basket";
import type { ShopPageQuery } from "./gql/graphql";
import { type Money, shown } from "./money";
import { Broken, Refused } from "./Notices";
import { CartCreate, CartLinesAdd, ShopPage as Page } from "./operations";

type Shop = NonNullable<ShopPageQuery["shop"]>;
type Recommendation = Shop["recommendations"]["nodes"][number];
type UserError = { code: string; message: string };

export function ShopPage({ handle }: { handle: string }) {
  const [after, setAfter] = useState<string | null>(null);
  const [{ data, error, fetching }] = useQuery({ query: Page, variables: { handle, after } });
  const shop = data?.shop;
  if (fetching) return <p>Opening the shop…</p>;
  if (!shop) return error ? <Broken error={error} /> : <p>There is no shop of that name.</p>;
  const { nodes, pageInfo } = shop.recommendations;
  return (
    <>
      <h1>{shop.name}</h1>
      <p>
        {shop.about} {shop.owner ? `By ${shop.owner.name}.` : ""}
      </p>
      <ul className="shelf">
        {nodes.map((recommendation) => (
          <Tile recommendation={recommendation} key={recommendation.id} />
        ))}
      </ul>
      {pageInfo.hasNextPage && (
        <button type="button" onClick={() => setAfter(pageInfo.endCursor ?? null)}>
          More
        </button>
      )}
    </>
  );
}

function Tile({ recommendation }: { recommendation: Recommendation }) {
  const { product, note, disclosure, splits } = recommendation;
  const [chosen, choose] = useState(0);
  const split = splits[chosen];
  if (!product || !split) return null;
  const image = product.images[0];
  return (
    <li>
      {image && <img src={image.url} alt={image.alt ?? product.title} loading="lazy" />}
      <h2>{product.title}</h2>
      <p className="brand">{product.brand?.name}</p>
      {note && <blockquote>{note}</blockquote>}
      {splits.length > 1 && (
        <select aria-label="Variant" value={chosen} onChange={(event) => choose(Number(event.target.value))}>
          {splits.map(({ variant }, place) => (
            <option value={place} key={variant.id}>
              {variant.title}
            </option>
          ))}
        </select>
      )}
      <Price price={split.price} listPrice={split.listPrice} lowest={split.variant.lowestPrice30d} />
      <Add variant={split.variant.id} recommendation={recommendation.id} available={split.variant.isAvailable} />
      {disclosure && <p className="disclosure">{disclosure}</p>}
    </li>
  );
}

/** What is struck through is the listing's own lowest price of thirty days, as the law of the EU asks for. */
function Price({ price, listPrice, lowest }: { price: Money; listPrice: Money; lowest?: Money | null }) {
  const before = lowest ?? listPrice;
  return (
    <p className="price">
      {shown(price)} {before.amount !== price.amount && <s>{shown(before)}</s>}
    </p>
  );
}

function Add({ variant, recommendation, available }: { variant: string; recommendation: string; available: boolean }) {
  const client = useClient();
  const [errors, setErrors] = useState<readonly UserError[]>([]);
  const add = async () => {
    const lines = [{ variantId: variant, recommendationId: recommendation, quantity: 1 }];
    const kept = basket();
    if (kept) {
      const input = { cartId: kept.cart, lines, clickToken: clickToken() };
      const added = await client.mutation(CartLinesAdd, { input });
      const refused = added.data?.cartLinesAdd?.userErrors ?? [];
      setErrors(refused);
      // What was bought is bought: the next wish begins a new cart.
      if (!refused.some(({ code }) => code === "CART_PAID")) return;
    }
    const made = await client.mutation(CartCreate, { input: { lines, clickToken: clickToken() } });
    const payload = made.data?.cartCreate;
    if (payload?.cart) keepBasket({ cart: payload.cart.id, secret: payload.guestSecret ?? null });
    setErrors(payload?.userErrors ?? []);
  };
  return (
    <>
      <button type="button" disabled={!available} onClick={add}>
        {available ? "Add to cart" : "Sold out"}
      </button>
      <Refused errors={errors} />
    </>
  );
}
