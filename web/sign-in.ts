import { askJson } from './asking/ask.ts';
import { setSessionKey } from './asking/session-key.ts';

// Signing in at the OpenID provider: the browser goes there and comes back with a code, which the
// service exchanges. What has to be kept on the way is kept for this tab only.

type Facts = { authorization_endpoint: string; client_id: string; scope: string; audience: string };
type Begun = { state: string; verifier: string; nonce: string; hash: string };

const place = 'vitrine.sign-in';

/** Undefined where the page has no provider. */
export async function signInFacts(): Promise<Facts | undefined> {
  try {
    return await askJson<Facts>('/page/sign-in');
  } catch {
    return undefined;
  }
}

export async function beginSignIn(facts: Facts): Promise<void> {
  const begun: Begun = { state: secret(), verifier: secret(), nonce: secret(), hash: location.hash };
  sessionStorage.setItem(place, JSON.stringify(begun));
  const hashed = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(begun.verifier));
  const address = new URL(facts.authorization_endpoint);
  for (const [name, value] of Object.entries({
    response_type: 'code',
    client_id: facts.client_id,
    scope: facts.scope,
    resource: facts.audience,
    redirect_uri: returnAddress(),
    state: begun.state,
    nonce: begun.nonce,
    code_challenge: base64url(new Uint8Array(hashed)),
    code_challenge_method: 'S256',
  }))
    address.searchParams.set(name, value);
  location.assign(address);
}

/** Back from the provider: exchanges the code, and takes it out of the address. */
export async function finishSignIn(): Promise<void> {
  const answer = new URLSearchParams(location.search);
  const [code, state] = [answer.get('code'), answer.get('state')];
  const kept = sessionStorage.getItem(place);
  if (state === null || kept === null) return;
  sessionStorage.removeItem(place);
  const begun = JSON.parse(kept) as Begun;
  history.replaceState(null, '', `/${begun.hash}`);
  if (state !== begun.state) throw new Error('Cannot sign in: the answer is of another sign-in. Sign in again.');
  if (code === null) throw new Error('Cannot sign in: the provider did not let you in.');
  const { verifier, nonce } = begun;
  const { token } = await askJson<{ token: string }>('/page/sign-in', {
    method: 'POST',
    body: JSON.stringify({ code, verifier, nonce, redirect_uri: returnAddress() }),
  });
  setSessionKey(token);
  dispatchEvent(new Event('keychanged'));
}

function returnAddress(): string {
  return `${location.origin}/`;
}

function secret(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
