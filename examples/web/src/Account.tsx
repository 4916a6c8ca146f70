import { type FormEvent, useState } from "react";
import { useClient, useQuery } from "urql";

import { shown } from "./money";
import { Broken, Refused } from "./Notices";
import { Mine, SignIn, SignOut } from "./operations";

type UserError = { code: string; message: string };

export function Account() {
  const [{ data, error, fetching }, again] = useQuery({ query: Mine });
  const look = () => again({ requestPolicy: "network-only" });
  if (fetching) return <p>One moment…</p>;
  if (!data?.viewer) return <Door error={error} entered={look} />;
  return <Purse mine={data.viewer} left={look} />;
}

function Door({ error, entered }: { error: Parameters<typeof Broken>[0]["error"]; entered: () => void }) {
  const client = useClient();
  const [errors, setErrors] = useState<readonly UserError[]>([]);
  const enter = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const input = {
      email: String(form.get("email")),
      password: String(form.get("password")),
      transport: "COOKIE" as const,
    };
    const answer = await client.mutation(SignIn, { input });
    setErrors(answer.data?.sessionCreate?.userErrors ?? []);
    if (answer.data?.sessionCreate?.session) entered();
  };
  const known = error?.graphQLErrors.every(({ extensions }) => extensions.code === "UNAUTHENTICATED");
  return (
    <form onSubmit={enter}>
      <h1>Sign in</h1>
      {!known && <Broken error={error} />}
      <label>
        E-mail
        <input name="email" type="email" autoComplete="username" required />
      </label>
      <label>
        Password
        <input name="password" type="password" autoComplete="current-password" required />
      </label>
      <button type="submit">Sign in</button>
      <Refused errors={errors} />
    </form>
  );
}

type Viewer = NonNullable<import("./gql/graphql").MineQuery["viewer"]>;

function Purse({ mine, left }: { mine: Viewer; left: () => void }) {
  const client = useClient();
  const leave = async () => {
    await client.mutation(SignOut, {});
    left();
  };
  return (
    <>
      <h1>{mine.name}</h1>
      <ul className="shops">
        {mine.shops?.map((shop) => (
          <li key={shop.id}>
            <a href={`#/shops/${encodeURIComponent(shop.handle)}`}>{shop.name}</a>
          </li>
        ))}
      </ul>
      <dl>
        {mine.earnings?.flatMap(({ currency, held, available }) => [
          <dt key={`${currency}-held`}>Held until return windows close</dt>,
          <dd key={`${currency}-held-amount`}>{shown(held)}</dd>,
          <dt key={`${currency}-available`}>Available for payout</dt>,
          <dd key={`${currency}-available-amount`}>{shown(available)}</dd>,
        ])}
      </dl>
      <button type="button" onClick={leave}>
        Sign out
      </button>
    </>
  );
}
