import { useQuery } from "urql";

import { Broken } from "./Notices";
import { Shops } from "./operations";

export function Home() {
  const [{ data, error, fetching }] = useQuery({ query: Shops });
  if (fetching) return <p>Looking for shops…</p>;
  return (
    <>
      <h1>Shops</h1>
      <Broken error={error} />
      <ul className="shops">
        {data?.shops.nodes.map((shop) => (
          <li key={shop.id}>
            <a href={`#/shops/${encodeURIComponent(shop.handle)}`}>{shop.name}</a>
            <p>{shop.about}</p>
          </li>
        ))}
      </ul>
    </>
  );
}
