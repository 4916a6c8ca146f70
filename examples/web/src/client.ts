import { authExchange } from "@urql/exchange-auth";
import { cacheExchange, Client, type CombinedError, fetchExchange } from "urql";

import { Refresh } from "./operations";

/** Where the tokens are. A browser has them as cookies that no script reads; an app or a server keeps them itself. */
export type Tokens =
  | { kind: "cookies" }
  | { kind: "kept"; access: string | null; refresh: string | null };

export type Connection = {
  /** The GraphQL endpoint. */
  url: string;
  tokens: Tokens;
  /** The secret that opens a guest's cart and order, if there is one. */
  guestSecret: () => string | null;
  /** Called when the session has ended for good. */
  signedOut: () => void;
};

/** A client that refreshes its session when the access token has run out, and sends the guest's secret along. */
export function connect({ url, tokens, guestSecret, signedOut }: Connection): Client {
  return new Client({
    url,
    preferGetMethod: false,
    fetchOptions: () => {
      const secret = guestSecret();
      const headers: Record<string, string> = secret ? { "Vitrine-Guest": secret } : {};
      return { credentials: "same-origin", headers };
    },
    exchanges: [
      cacheExchange,
      authExchange(async (utils) => ({
        addAuthToOperation: (operation) =>
          tokens.kind === "kept" && tokens.access
            ? utils.appendHeaders(operation, { Authorization: `Bearer ${tokens.access}` })
            : operation,
        didAuthError: hasNoSession,
        refreshAuth: () =>
          alone(async () => {
            const refreshToken = tokens.kind === "kept" ? tokens.refresh : undefined;
            if (tokens.kind === "kept") tokens.access = null;
            const answer = await utils.mutate(Refresh, { input: { refreshToken } });
            const payload = answer.data?.sessionRefresh;
            // Without an answer nobody knows: the next request tries again.
            if (!payload) return;
            const { session } = payload;
            if (!session) return signedOut();
            if (tokens.kind === "kept") {
              tokens.access = session.accessToken ?? null;
              tokens.refresh = session.refreshToken ?? null;
            }
          }),
      })),
      fetchExchange,
    ],
  });
}

function hasNoSession(error: CombinedError): boolean {
  return error.graphQLErrors.some(({ extensions }) => extensions.code === "UNAUTHENTICATED");
}

/** A refresh token is good once: of several tabs only one may send it. */
async function alone(work: () => Promise<void>): Promise<void> {
  if (globalThis.navigator?.locks) await navigator.locks.request("vitrine-refresh", work);
  else await work();
}
