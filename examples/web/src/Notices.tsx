import type { CombinedError } from "urql";

type UserError = { code: string; message: string };

/** What went wrong: nothing was changed, and the message says what to do. */
export function Refused({ errors }: { errors: readonly UserError[] }) {
  return errors.map(({ code, message }) => (
    <p role="alert" className="refused" key={code + message}>
      {message}
    </p>
  ));
}

/** What broke: the network, or the server, whose request id finds it in the logs. */
export function Broken({ error }: { error: CombinedError | undefined }) {
  if (!error) return null;
  const id = error.graphQLErrors.map(({ extensions }) => extensions.requestId).find(Boolean);
  return (
    <p role="alert" className="refused">
      {error.message}
      {id ? ` (request ${String(id)})` : ""}
    </p>
  );
}
