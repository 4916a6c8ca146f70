// Signing in by OpenID Connect, at a provider that others have written: oidc-provider, certified by the OpenID Foundation.
// Everything goes over sockets: the provider's discovery, its pages, its token endpoint, and the server's API.
//
//   node oidc.mjs serve PORT     runs the provider, until it is ended
//   node oidc.mjs                holds the server at VITRINE_URL to it; the provider's port is in VITRINE_OIDC_PORT, the folder
//                                of the server's letters in VITRINE_MAIL
import { createServer } from "node:http";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { generateKeyPairSync, randomUUID } from "node:crypto";
import assert from "node:assert/strict";

function key(kid) {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" };
}

async function serve(port) {
  const { Provider } = await import("oidc-provider");
  const issuer = `http://127.0.0.1:${port}`;
  const make = (jwks) => {
    const provider = new Provider(issuer, {
      clients: [{
        client_id: "vitrine",
        client_secret: "the-secret-of-vitrine",
        application_type: "native",
        redirect_uris: ["http://127.0.0.1/callback"],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      }],
      jwks: { keys: jwks },
      claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"] },
      cookies: { keys: ["a key of the provider's cookies"] },
      // Who signs in as "doubtful-…" has an address that nobody has verified.
      findAccount: (_, sub) => ({
        accountId: sub,
        claims: () => ({ sub, name: `Name of ${sub}`, email: `${sub}@example.com`, email_verified: !sub.startsWith("doubtful") }),
      }),
    });
    return provider.callback();
  };
  let answer = make([key("first")]);
  createServer((request, response) => {
    if (request.method === "POST" && request.url === "/rotate") {
      answer = make([key(randomUUID())]);
      response.end();
      return;
    }
    answer(request, response);
  }).listen(port, "127.0.0.1");
}

async function ask(query, variables = {}, token) {
  const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
  const response = await fetch(`${process.env.VITRINE_URL}/graphql`, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const body = await response.json();
  assert.equal(body.errors, undefined, JSON.stringify(body.errors));
  return Object.values(body.data)[0];
}

const START = `mutation($in: SessionExternalStartInput!) { sessionExternalStart(input: $in) { start { authorizationUrl key expiresAt } userErrors { code message } } }`;
const FINISH = `mutation($in: SessionExternalFinishInput!) { sessionExternalFinish(input: $in) { session { accessToken accountId } challenge { token } userErrors { code message } } }`;
const LINK = `mutation($in: ExternalIdentityLinkInput!) { externalIdentityLink(input: $in) { externalIdentity { id provider email } userErrors { code message } } }`;
const UNLINK = `mutation($in: ExternalIdentityUnlinkInput!) { externalIdentityUnlink(input: $in) { externalIdentity { id } userErrors { code message } } }`;
const OPEN = `mutation($in: AccountCreateInput!) { accountCreate(input: $in) { account { id } session { accessToken } userErrors { code } } }`;
const WHO = `{ viewer { id name email emailVerifiedAt hasPassword externalIdentities { id provider email } } }`;

const VERIFY = `mutation($in: EmailVerifyInput!) { emailVerify(input: $in) { userErrors { code } } }`;

// The token in the letter to this address, once it was written: letters are kept as files.
async function letterTo(address) {
  for (let look = 0; look < 100; look += 1) {
    for (const file of await readdir(process.env.VITRINE_MAIL).catch(() => [])) {
      const letter = (await readFile(join(process.env.VITRINE_MAIL, file), "utf8")).replaceAll("=\r\n", "").replaceAll("=\n", "").replaceAll("=3D", "=");
      const token = letter.includes(`To: ${address}`) && letter.match(/\bve_[\w-]+/);
      if (token) return token[0];
    }
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error(`no letter to ${address}`);
}

const redirectUri = () => `${process.env.VITRINE_URL}/callback`;

async function start() {
  const made = await ask(START, { in: { provider: "test", redirectUri: redirectUri() } });
  assert.deepEqual(made.userErrors, []);
  return made.start;
}

// Goes through the provider's pages as a browser does, and says yes to everything; with what the browser comes back.
async function signIn(address, login) {
  const cookies = new Map();
  let request = { url: new URL(address), method: "GET", body: undefined };
  for (let step = 0; step < 20; step += 1) {
    const response = await fetch(request.url, {
      method: request.method,
      body: request.body,
      redirect: "manual",
      headers: {
        cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; "),
        ...(request.body && { "content-type": "application/x-www-form-urlencoded" }),
      },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [name, value] = cookie.split(";")[0].split(/=(.*)/s);
      cookies.set(name, value);
    }
    const to = response.headers.get("location");
    if (to) {
      const next = new URL(to, request.url);
      if (next.href.startsWith(redirectUri())) {
        return { state: next.searchParams.get("state"), code: next.searchParams.get("code"), iss: next.searchParams.get("iss") };
      }
      request = { url: next, method: "GET", body: undefined };
      continue;
    }
    const page = await response.text();
    assert.equal(response.status, 200, page);
    const action = page.match(/<form[^>]*action="([^"]+)"/)?.[1];
    const prompt = page.match(/name="prompt" value="([^"]+)"/)?.[1];
    assert.ok(action && prompt, `no form: ${page}`);
    const body = new URLSearchParams({ prompt, ...(prompt === "login" && { login, password: "anything" }) }).toString();
    request = { url: new URL(action, request.url), method: "POST", body };
  }
  throw new Error("the provider's pages lead nowhere");
}

const brought = (begun, back, more = {}) => ({ in: { state: back.state, code: back.code, iss: back.iss, key: begun.key, ...more } });
const refusal = (payload) => payload.userErrors[0]?.code;

// Signs in at the provider as this person; the payload.
async function through(login) {
  const begun = await start();
  return ask(FINISH, brought(begun, await signIn(begun.authorizationUrl, login)));
}

const scenes = {
  async "a new person is signed in, with her address proved, and is the same person the next time"() {
    const first = await through("anna-new");
    assert.deepEqual(first.userErrors, []);
    const who = await ask(WHO, {}, first.session.accessToken);
    assert.equal(who.email, "anna-new@example.com");
    assert.equal(who.name, "Name of anna-new");
    assert.ok(who.emailVerifiedAt);
    assert.equal(who.hasPassword, false);
    assert.deepEqual(who.externalIdentities.map(({ provider, email }) => ({ provider, email })), [{ provider: "test", email: "anna-new@example.com" }]);
    assert.equal((await through("anna-new")).session.accountId, first.session.accountId);
    assert.notEqual((await through("berta-new")).session.accountId, first.session.accountId);
  },
  async "an answer is good once, and so is a code"() {
    const begun = await start();
    const back = await signIn(begun.authorizationUrl, "carla-new");
    assert.equal(refusal(await ask(FINISH, brought(begun, back))), undefined);
    assert.equal(refusal(await ask(FINISH, brought(begun, back))), "TOKEN_INVALID");
    const other = await start();
    const state = new URL(other.authorizationUrl).searchParams.get("state");
    assert.equal(refusal(await ask(FINISH, brought(other, { state, code: back.code }))), "IDENTITY_PROVIDER_FAILED");
  },
  async "an answer with another state, or without the key, signs nobody in, and does not keep her from going on"() {
    const begun = await start();
    const back = await signIn(begun.authorizationUrl, "dora-new");
    assert.equal(refusal(await ask(FINISH, brought(begun, { ...back, state: "guessed" }))), "TOKEN_INVALID");
    const other = await start();
    assert.equal(refusal(await ask(FINISH, brought(other, back))), "TOKEN_INVALID");
    assert.equal(refusal(await ask(FINISH, brought(begun, back))), undefined);
  },
  async "an ID token that answers another question is not believed"() {
    const begun = await start();
    const changed = new URL(begun.authorizationUrl);
    changed.searchParams.set("nonce", "another-nonce-than-ours");
    const back = await signIn(changed, "emma-new");
    const payload = await ask(FINISH, brought(begun, back));
    assert.equal(refusal(payload), "IDENTITY_PROVIDER_FAILED");
    assert.match(payload.userErrors[0].message, /nonce/i);
  },
  async "a code that was asked for with another challenge is worth nothing"() {
    const begun = await start();
    const changed = new URL(begun.authorizationUrl);
    changed.searchParams.set("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    const back = await signIn(changed, "frida-new");
    assert.equal(refusal(await ask(FINISH, brought(begun, back))), "IDENTITY_PROVIDER_FAILED");
  },
  async "an address that the provider has not verified opens nothing"() {
    assert.equal(refusal(await through("doubtful-gina")), "EMAIL_UNVERIFIED");
  },
  async "an account whose address nobody has proved is not taken over, and is linked once it was, by who is signed in to it"() {
    const made = await ask(OPEN, { in: { email: "hanna-old@example.com", name: "Hanna", password: "correct horse battery" } });
    assert.equal(refusal(await through("hanna-old")), "LINK_REQUIRED");
    const early = await start();
    const back = await signIn(early.authorizationUrl, "hanna-old");
    assert.equal(refusal(await ask(LINK, brought(early, back), made.session.accessToken)), "EMAIL_UNVERIFIED");
    assert.deepEqual((await ask(VERIFY, { in: { token: await letterTo("hanna-old@example.com") } })).userErrors, []);
    const begun = await start();
    const linked = await ask(LINK, brought(begun, await signIn(begun.authorizationUrl, "hanna-old")), made.session.accessToken);
    assert.deepEqual(linked.userErrors, []);
    assert.equal((await through("hanna-old")).session.accountId, made.account.id);
    const gone = await ask(UNLINK, { in: { id: linked.externalIdentity.id } }, made.session.accessToken);
    assert.deepEqual(gone.userErrors, []);
    // By now both have proved the address: it leads to her account again.
    assert.equal((await through("hanna-old")).session.accountId, made.account.id);
  },
  async "nobody takes away her only way in"() {
    const { session } = await through("ida-new");
    const [identity] = (await ask(WHO, {}, session.accessToken)).externalIdentities;
    assert.equal(refusal(await ask(UNLINK, { in: { id: identity.id } }, session.accessToken)), "WRONG_STATE");
  },
  async "a provider that signs with another key is asked for it"() {
    const { session } = await through("julia-new");
    await fetch(`http://127.0.0.1:${process.env.VITRINE_OIDC_PORT}/rotate`, { method: "POST" });
    assert.equal((await through("julia-new")).session?.accountId, session.accountId);
  },
  async "the browser is sent nowhere else, and nowhere unknown"() {
    const elsewhere = await ask(START, { in: { provider: "test", redirectUri: "https://evil.example.org/callback" } });
    assert.equal(refusal(elsewhere), "RETURN_URL_NOT_ALLOWED");
    const unknown = await ask(START, { in: { provider: "nobody", redirectUri: redirectUri() } });
    assert.equal(refusal(unknown), "NOT_FOUND");
    assert.deepEqual(await ask("{ identityProviders { name } }"), [{ name: "test" }]);
  },
};

if (process.argv[2] === "serve") {
  await serve(Number(process.argv[3]));
} else {
  let failed = 0;
  for (const [told, scene] of Object.entries(scenes)) {
    try {
      await scene();
      console.log(`   ok   ${told}`);
    } catch (error) {
      failed += 1;
      console.log(`   FAIL ${told}\n${error.stack}`);
    }
  }
  process.exit(failed ? 1 : 0);
}
