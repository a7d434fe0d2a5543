import { readFile } from 'node:fs/promises';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import type { Config } from '../../../config.ts';
import { ServiceError } from '../../../errors.ts';
import { ours, say } from '../../../sentence.ts';
import { TokenBucket } from '../token-bucket.ts';
import { askProvider, describeProvider } from './describe-provider.ts';
import type { Identities } from './identities.ts';

/** Everybody who opens the page may begin to sign in: all together, so often. */
const exchangesPerMinute = 120;

export const codeSchema = z.strictObject({
  code: z.string().min(1).max(4_096).describe('What the provider sent the browser back with.'),
  verifier: z
    .string()
    .regex(/^[\w.~-]{43,128}$/)
    .describe('The secret whose hash began the sign-in (PKCE).'),
  nonce: z.string().min(16).max(128).describe('What the browser chose for this sign-in.'),
  redirect_uri: z.url().max(2_048).describe('Where the provider sent the browser back to.'),
});

const tokensSchema = z.object({ access_token: z.string().optional(), id_token: z.string().optional() });

export type SignInFacts = {
  readonly authorization_endpoint: string;
  readonly client_id: string;
  readonly scope: string;
  readonly audience: string;
};

/**
 * The page's way to a token: OpenID's authorization code flow with PKCE. The service exchanges the
 * code, so the page asks nobody but its own origin.
 */
export class SignIn {
  readonly #config: Config;
  readonly #identities: Identities;
  readonly #exchanges = new TokenBucket(exchangesPerMinute, performance.now());
  #provider: ReturnType<typeof describeProvider> | undefined;

  constructor(config: Config, identities: Identities) {
    this.#config = config;
    this.#identities = identities;
  }

  async facts(): Promise<SignInFacts> {
    const { authorization_endpoint: endpoint } = await this.#described();
    if (endpoint === undefined) throw unreachable('its description has no authorization endpoint');
    const { oidcClientId, oidcScope, oidcAudience } = this.#config;
    return {
      authorization_endpoint: endpoint,
      client_id: oidcClientId,
      scope: oidcScope,
      audience: oidcAudience,
    };
  }

  /** The token for the code, which the service takes; else why not. */
  async exchange(given: z.output<typeof codeSchema>): Promise<string> {
    const waitMs = this.#exchanges.take(performance.now());
    if (waitMs > 0)
      throw new ServiceError(
        'rate_limited',
        say`Cannot sign in now: ${exchangesPerMinute} sign-ins a minute are used up; try again in ${Math.ceil(waitMs / 1000)} s.`,
        { retryAfterMs: waitMs },
      );
    const { token_endpoint: endpoint } = await this.#described();
    if (endpoint === undefined) throw unreachable('its description has no token endpoint');
    const { access_token: access, id_token: id } = await this.#redeem(endpoint, given);
    // A code that was meant for another browser brings its nonce.
    if (id !== undefined && nonceOf(id) !== given.nonce) throw refused('the token is of another sign-in');
    let because = 'the provider gave no token that is a JSON Web Token';
    for (const token of [access, id]) {
      if (token === undefined) continue;
      await this.#identities.lookAt(token);
      const found = this.#identities.find(token);
      if (found === undefined) continue;
      if (typeof found !== 'string') return token;
      because = found;
    }
    throw refused(because);
  }

  async #redeem(endpoint: string, given: z.output<typeof codeSchema>): Promise<z.output<typeof tokensSchema>> {
    const { oidcClientId, oidcClientSecretFile, oidcAudience } = this.#config;
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: oidcClientId,
      code: given.code,
      code_verifier: given.verifier,
      redirect_uri: given.redirect_uri,
      resource: oidcAudience,
    });
    if (oidcClientSecretFile !== '') body.set('client_secret', (await readFile(oidcClientSecretFile, 'utf8')).trim());
    const answer = await askProvider(endpoint, { method: 'POST', body }).catch((cause: unknown) => {
      throw /answers 4\d\d/.test(String(cause))
        ? refused('the provider does not take its code')
        : unreachable('it does not answer');
    });
    return tokensSchema.parse(JSON.parse(answer));
  }

  #described(): ReturnType<typeof describeProvider> {
    this.#provider ??= describeProvider(this.#config.oidcIssuer).catch(() => {
      this.#provider = undefined;
      throw unreachable('its description cannot be read');
    });
    return this.#provider;
  }
}

function nonceOf(token: string): unknown {
  try {
    return decodeJwt(token).nonce;
  } catch {
    return undefined;
  }
}

function refused(because: string): ServiceError {
  return new ServiceError('unauthorized', say`Cannot sign in: ${ours(because)}; sign in again.`);
}

function unreachable(why: string): ServiceError {
  return new ServiceError(
    'not_ready',
    say`Cannot sign in: the provider of VITRINE_OIDC_ISSUER is not usable now: ${ours(why)}; try again in a second.`,
    { retryAfterMs: 1_000 },
  );
}
