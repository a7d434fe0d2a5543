import { hash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { Config } from '../../../config.ts';
import { ServiceError } from '../../../errors.ts';
import type { Caller } from '../../../http/caller.ts';
import { bearerOf } from '../../../http/tokens.ts';
import { ours, say } from '../../../sentence.ts';
import type { Meter } from '../../../telemetry/meter.ts';
import type { ApiKey } from '../api-keys.ts';
import { keyOfClaims } from './claims.ts';
import { requireSafe, SigningKeys } from './signing-keys.ts';

const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'];
/** Clocks of two machines differ. */
const clockSkewSeconds = 30;
/** A token that was refused is checked again after this: its key may have become known. */
const refusedMs = 5_000;
/** So long is the provider not asked again for a token that could not be checked. */
const unavailableMs = 1_000;

/** Why a token lets nobody in while the provider cannot be reached. */
export const notChecked = 'its token cannot be checked now';

type Checked = { readonly key: ApiKey | string; readonly untilMs: number };

/**
 * Callers with a token of an OpenID provider. A token is checked when it first comes; from then on
 * it is looked up by its hash, until it expires.
 */
export class Identities {
  readonly #config: Config;
  readonly #keys: SigningKeys;
  readonly #algorithms: string[];
  readonly #checked = new Map<string, Checked>();
  readonly #looking = new Map<string, Promise<void>>();
  readonly #meter: Meter;

  private constructor(config: Config, taken: string[], meter: Meter) {
    this.#config = config;
    this.#algorithms = taken;
    this.#keys = new SigningKeys(config);
    this.#meter = meter;
    for (const result of ['ok', 'refused', 'unavailable'] as const) meter.counter('identityChecks').series(result);
  }

  /** Undefined where no provider is configured. Ends the start where its settings do not fit. */
  static open(config: Config, meter: Meter): Identities | undefined {
    const { oidcIssuer, oidcAudience, oidcKeysUrl } = config;
    if (oidcIssuer === '') return undefined;
    requireSafe(oidcIssuer, 'VITRINE_OIDC_ISSUER');
    if (oidcKeysUrl !== '') requireSafe(oidcKeysUrl, 'VITRINE_OIDC_KEYS_URL');
    if (oidcAudience === '')
      throw new ServiceError(
        'invalid_setting',
        say`Cannot use VITRINE_OIDC_ISSUER: a token for any other service would be taken, too; name what tokens have to be for in VITRINE_OIDC_AUDIENCE.`,
      );
    const taken = config.oidcAlgorithms.split(',').map((name) => name.trim());
    const unknown = taken.find((name) => !algorithms.includes(name));
    if (unknown !== undefined)
      throw new ServiceError(
        'invalid_setting',
        say`Cannot use VITRINE_OIDC_ALGORITHMS: ${ours(unknown)} is not taken; name some of ${ours(algorithms.join(', '))}.`,
      );
    return new Identities(config, taken, meter);
  }

  get staleSince(): Date | undefined {
    return this.#keys.staleSince;
  }

  /** The key that a token stands for, or why it stands for none; undefined: it is no such token. */
  find(token: string): ApiKey | string | undefined {
    if (!isToken(token)) return undefined;
    return this.#known(digestOf(token))?.key ?? notChecked;
  }

  /** Checks the token of a request that is not known yet; undefined where nothing has to be done. */
  look(request: Caller): Promise<void> | undefined {
    const token = bearerOf(request);
    return token === undefined ? undefined : this.lookAt(token);
  }

  lookAt(token: string): Promise<void> | undefined {
    if (!isToken(token)) return undefined;
    const digest = digestOf(token);
    if (this.#known(digest) !== undefined) return undefined;
    const before = this.#looking.get(digest);
    if (before !== undefined) return before;
    const looking = this.#check(token, digest).finally(() => this.#looking.delete(digest));
    this.#looking.set(digest, looking);
    return looking;
  }

  [Symbol.dispose](): void {
    this.#keys[Symbol.dispose]();
  }

  #known(digest: string): Checked | undefined {
    const known = this.#checked.get(digest);
    if (known === undefined) return undefined;
    // The map is in the order of use.
    this.#checked.delete(digest);
    if (known.untilMs <= Date.now()) return undefined;
    this.#checked.set(digest, known);
    return known;
  }

  async #check(token: string, digest: string): Promise<void> {
    const { oidcIssuer: issuer, oidcAudience: audience } = this.#config;
    try {
      const keys = await this.#keys.get();
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        algorithms: this.#algorithms,
        clockTolerance: clockSkewSeconds,
        requiredClaims: ['exp'],
      });
      const key = keyOfClaims(payload, this.#config);
      const expiresMs = (payload.exp! + clockSkewSeconds) * 1000;
      this.#remember(digest, { key, untilMs: typeof key === 'string' ? Date.now() + refusedMs : expiresMs });
      this.#count(typeof key === 'string' ? 'refused' : 'ok');
    } catch (error) {
      const because = reasonOf(error);
      const forMs = because === undefined ? unavailableMs : refusedMs;
      this.#remember(digest, { key: because ?? notChecked, untilMs: Date.now() + forMs });
      this.#count(because === undefined ? 'unavailable' : 'refused');
    }
  }

  #remember(digest: string, checked: Checked): void {
    this.#checked.set(digest, checked);
    if (this.#checked.size <= this.#config.oidcTokensMax) return;
    for (const oldest of this.#checked.keys()) {
      this.#checked.delete(oldest);
      return;
    }
  }

  #count(result: 'ok' | 'refused' | 'unavailable'): void {
    this.#meter.counter('identityChecks').series(result).value += 1;
  }
}

function isToken(text: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64url');
}

/** In words of ours, which say nothing of what is in the token; undefined: it was not checked. */
function reasonOf(error: unknown): string | undefined {
  if (error instanceof errors.JWTExpired) return 'its token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) return reasonOfClaim(error.claim);
  if (error instanceof errors.JWKSNoMatchingKey) return 'the signing key of its token is not among the provider’s';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of its token is wrong';
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported)
    return 'its token is not signed in a way of VITRINE_OIDC_ALGORITHMS';
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) return 'its token is not well-formed';
  return undefined;
}

function reasonOfClaim(claim: string): string {
  switch (claim) {
    case 'iss':
      return 'its token is of another issuer';
    case 'aud':
      return 'its token is not for this service (VITRINE_OIDC_AUDIENCE)';
    case 'nbf':
    case 'iat':
      return 'its token is not valid yet';
    default:
      return `its token has no usable claim ${claim}`;
  }
}
