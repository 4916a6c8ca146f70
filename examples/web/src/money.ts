/** An amount as the API tells it: text with exactly the currency's decimals. */
export type Money = { amount: string; currency: string };

/** For people. No arithmetic is done with amounts here: the server adds up. */
export function shown({ amount, currency }: Money): string {
  const style = { style: "currency", currency } as const;
  return new Intl.NumberFormat("en", style).format(amount as Intl.StringNumericLiteral);
}

export function isNothing({ amount }: Money): boolean {
  return /^0(\.0*)?$/.test(amount);
}
