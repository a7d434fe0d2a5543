import { createRemoteJWKSet, type RemoteJWKSet } from 'jose';
import type { Config } from '../../../config.ts';
import { ServiceError } from '../../../errors.ts';
import { isLoopback } from '../../../loopback.ts';
import { ours, say } from '../../../sentence.ts';
import { log } from '../../../telemetry/logger.ts';
import { describeProvider, providerMsMax } from './describe-provider.ts';

/** At most this often are the keys fetched for a token whose key is not known. */
const unknownKeyMs = 10_000;

/**
 * The keys that the provider signs with: fetched when the first token comes, and again at times.
 * The ones before stay in force while the provider cannot be reached.
 */
export class SigningKeys {
  readonly #config: Pick<Config, 'oidcIssuer' | 'oidcKeysUrl' | 'oidcKeysAgeMsMax'>;
  readonly #refreshing: NodeJS.Timeout;
  #keys: Promise<RemoteJWKSet> | undefined;
  #staleSince: Date | undefined;

  constructor(config: Pick<Config, 'oidcIssuer' | 'oidcKeysUrl' | 'oidcKeysAgeMsMax'>) {
    this.#config = config;
    this.#refreshing = setInterval(() => void this.#refresh(), config.oidcKeysAgeMsMax).unref();
  }

  /** Since when the keys could not be fetched again. */
  get staleSince(): Date | undefined {
    return this.#staleSince;
  }

  /** Rejects while the provider's description cannot be had; the next call asks again. */
  get(): Promise<RemoteJWKSet> {
    this.#keys ??= this.#open().catch((error: unknown) => {
      this.#keys = undefined;
      throw error;
    });
    return this.#keys;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#refreshing);
  }

  async #open(): Promise<RemoteJWKSet> {
    const { oidcIssuer, oidcKeysUrl } = this.#config;
    const url = oidcKeysUrl === '' ? await keysUrlOf(oidcIssuer) : new URL(oidcKeysUrl);
    return createRemoteJWKSet(url, {
      timeoutDuration: providerMsMax,
      cooldownDuration: unknownKeyMs,
      cacheMaxAge: Number.POSITIVE_INFINITY,
    });
  }

  async #refresh(): Promise<void> {
    if (this.#keys === undefined) return;
    try {
      await (await this.#keys).reload();
      this.#staleSince = undefined;
    } catch (error) {
      if (this.#staleSince === undefined)
        log(
          'security',
          'error',
          `The signing keys of VITRINE_OIDC_ISSUER cannot be fetched: ${reasonOf(error)}; the ones before stay in force, and it is tried again.`,
          { event_type: 'signing_keys_unreachable' },
        );
      this.#staleSince ??= new Date();
    }
  }
}

/** Ends the start where a setting cannot be used: a key from anywhere would let anybody in. */
export function requireSafe(url: string, setting: string): void {
  const parsed = URL.parse(url);
  const isSafe = parsed?.protocol === 'https:' || (parsed?.protocol === 'http:' && isLoopback(parsed.hostname));
  if (isSafe) return;
  throw new ServiceError(
    'invalid_setting',
    say`Cannot use ${ours(setting)}: it is no address with https://; give one (http:// is taken on this machine only).`,
  );
}

async function keysUrlOf(issuer: string): Promise<URL> {
  const { jwks_uri: address } = await describeProvider(issuer);
  const url = new URL(address);
  if (url.origin !== new URL(issuer).origin)
    throw new Error('its keys are at another address; name it in VITRINE_OIDC_KEYS_URL');
  return url;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : 'unknown';
}
