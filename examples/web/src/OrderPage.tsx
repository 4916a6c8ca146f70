import { useEffect } from "react";
import { useQuery } from "urql";

import { shown } from "./money";
import { Broken } from "./Notices";
import { OrderPage as Page } from "./operations";

export function OrderPage({ id }: { id: string }) {
  const [{ data, error, fetching }, again] = useQuery({
    query: Page,
    variables: { id },
    requestPolicy: "cache-and-network",
  });
  const order = data?.order;
  const awaited = order?.paymentStatus === "AWAITING" || order?.paymentStatus === "PENDING";
  useEffect(() => {
    if (!awaited) return;
    // The bank's word may come a moment after the buyer.
    const timer = setInterval(() => again({ requestPolicy: "network-only" }), 2000);
    return () => clearInterval(timer);
  }, [awaited, again]);
  if (fetching && !order) return <p>Looking for the order…</p>;
  if (!order) return error ? <Broken error={error} /> : <p>There is no such order, or it is not yours.</p>;
  return (
    <>
      <h1>Order {order.number}</h1>
      <p>
        {order.cost && shown(order.cost.total)}, {order.paymentStatus?.toLowerCase().replaceAll("_", " ")}
      </p>
      <ul>
        {order.lines?.map((line) => (
          <li key={line.id}>
            {line.quantity} × {line.title}
          </li>
        ))}
      </ul>
      {order.checkoutUrl && <a href={order.checkoutUrl}>Go on paying</a>}
    </>
  );
}
