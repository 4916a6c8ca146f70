/** The visitor's cart: its id, the secret that opens it, and what was ordered of it. Ids alone grant nothing. */
type Basket = { cart: string; secret: string | null; order?: string };

const KEY = "vitrine.basket";

export function basket(): Basket | null {
  const kept = localStorage.getItem(KEY);
  return kept ? (JSON.parse(kept) as Basket) : null;
}

export function keepBasket(kept: Basket | null): void {
  if (kept) localStorage.setItem(KEY, JSON.stringify(kept));
  else localStorage.removeItem(KEY);
}

/** The click that led here, which the landing address brings: whoever sent the visitor is credited by it. */
export function clickToken(): string | null {
  const brought = new URLSearchParams(location.search).get("click");
  if (brought) sessionStorage.setItem("vitrine.click", brought);
  return sessionStorage.getItem("vitrine.click");
}
