import { useEffect, useState } from "react";

import { Account } from "./Account";
import { CartPage } from "./CartPage";
import { Home } from "./Home";
import { OrderPage } from "./OrderPage";
import { ShopPage } from "./ShopPage";
import { basket } from "./basket";

/** `#/shops/{handle}`, `#/cart`, `#/bought`, `#/orders/{id}`, `#/account`; anything else is the front page. */
function useRoute(): string[] {
  const read = () => location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const changed = () => setRoute(read());
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}

export function App() {
  const [room, which] = useRoute();
  return (
    <>
      <header>
        <a href="#/">Vitrine</a>
        <nav>
          <a href="#/cart">Cart{basket() ? " •" : ""}</a>
          <a href="#/account">Account</a>
        </nav>
      </header>
      <main>
        <Room room={room ?? ""} which={which ?? ""} />
      </main>
    </>
  );
}

function Room({ room, which }: { room: string; which: string }) {
  if (room === "shops") return <ShopPage handle={which} />;
  if (room === "bought") return <OrderPage id={basket()?.order ?? ""} />;
  if (room === "orders") return <OrderPage id={which} />;
  if (room === "cart") return <CartPage />;
  if (room === "account") return <Account />;
  return <Home />;
}
