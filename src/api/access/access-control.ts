import type { Config } from '../../config.ts';
import { modelNotFound } from '../../engine/registry/shelf.ts';
import { ServiceError } from '../../errors.ts';
import type { Caller } from '../../http/caller.ts';
import { chargeTo } from '../../http/charged-client.ts';
import { type PageRules, refusalOfForeignPage } from '../../http/foreign-pages.ts';
import { logRefusal } from '../../http/log-refusal.ts';
import { certificateNames } from '../../http/tls/certificate-names.ts';
import { bearerOf, Tokens, unusableTokens } from '../../http/tokens.ts';
import { requestTrace } from '../../http/trace-request.ts';
import { isLoopback } from '../../loopback.ts';
import { ours, say } from '../../sentence.ts';
import type { Meter } from '../../telemetry/meter.ts';
import { takeQuota } from '../inference/take-quota.ts';
import type { Word } from '../routes.ts';
import { ApiKeys } from './api-keys.ts';
import { type Client, Clients } from './clients.ts';
import type { Unused } from './database-quotas.ts';
import { Identities, notChecked } from './identity/identities.ts';
import { modelNameCharsMax } from './model-pattern.ts';
import type { SharedQuotas } from './quota-bucket.ts';

/**
 * The guard of every route of the service. With API keys, each client needs one; without, everybody
 * who reaches the port is a client, so the port must be loopback. Administration needs its own
 * token, or, where there are neither keys nor token, this machine.
 */
export class AccessControl {
  readonly #config: Pick<Config, 'trustProxy'>;
  readonly #keys: ApiKeys | undefined;
  readonly identities: Identities | undefined;
  readonly #adminTokens: Tokens;
  readonly #clients: Clients;
  readonly #pages: PageRules;

  private constructor(of: {
    config: Config;
    keys: ApiKeys | undefined;
    identities: Identities | undefined;
    adminTokens: Tokens;
    shared: SharedQuotas | undefined;
  }) {
    const { config, keys, identities, adminTokens, shared } = of;
    this.#config = config;
    this.#keys = keys;
    this.identities = identities;
    this.#adminTokens = adminTokens;
    this.#clients = new Clients(config, shared);
    this.#pages = { onlyLoopbackHosts: isLoopback(config.bind) && config.trustProxy === '', hasOwnPage: true };
  }

  /**
   * Ends the start when a file cannot be used, and when more than this machine could use the service
   * without a key.
   */
  static async open(config: Config, meter: Meter, shared?: SharedQuotas): Promise<AccessControl> {
    const identities = Identities.open(config, meter);
    const keys = config.apiKeysFile === '' ? undefined : await ApiKeys.open(config.apiKeysFile);
    const isOpen = keys === undefined && identities === undefined;
    if (isOpen && !isLoopback(config.bind))
      throw new ServiceError(
        'invalid_setting',
        say`Cannot listen on ${config.bind}: there are no API keys, so everyone who reaches it could use it; name a file in VITRINE_API_KEYS_FILE or a provider in VITRINE_OIDC_ISSUER, or set VITRINE_BIND to 127.0.0.1.`,
      );
    if (isOpen && config.trustProxy !== '')
      throw new ServiceError(
        'invalid_setting',
        say`Cannot trust a proxy: there are no API keys, so everyone whom the proxy lets through could use and administer the service; name a file in VITRINE_API_KEYS_FILE, or leave out VITRINE_TRUST_PROXY.`,
      );
    return new AccessControl({ config, keys, identities, adminTokens: await adminTokensOf(config), shared });
  }

  /** Since when the keys in force differ from the file, or from the provider's. */
  get keysStaleSince(): Date | undefined {
    return this.#keys?.stale?.since ?? this.identities?.staleSince;
  }

  /** For the person who starts it: why nobody else can reach it. */
  get note(): string | undefined {
    return this.#isOpen
      ? 'there are no API keys, so only this machine can reach it (VITRINE_API_KEYS_FILE)'
      : undefined;
  }

  /**
   * Lets a request pass as the word of its route says, or throws. Returns the client; on an `open`
   * route, undefined for a stranger. `model` is the one in the path, which the key has to include.
   * The client is on the request's trace at once, so that a refusal names it.
   */
  admit(word: Exclude<Word, { may: 'open' }>, request: Caller, response: object, model: string | undefined): Client;
  admit(word: Word, request: Caller, response: object, model: string | undefined): Client | undefined;
  admit(word: Word, request: Caller, response: object, model: string | undefined): Client | undefined {
    const trace = requestTrace(response);
    if (word.may === 'open') return this.#recognize(request, response);
    const foreign = refusalOfForeignPage(request, this.#pages);
    if (foreign) throw foreign;
    const client = this.#clientOf(request);
    if (typeof client === 'string') throw unauthorized(client);
    trace.tenant = client.tenant;
    chargeTo(request, client.name);
    if (word.may === 'administrator') {
      if (!this.mayAdminister(client)) throw this.#refusalOfAdministration(request);
      return client;
    }
    if (word.quota !== undefined) takeQuota(client, word.quota, trace);
    if (model !== undefined) refuseModelOfOthers(client, model);
    return client;
  }

  /**
   * Whether this client may see and do what is the administrator's; without keys and token that is
   * everyone on this machine.
   */
  mayAdminister(client: Client): boolean {
    return client.admin || (this.#isOpen && this.#adminTokens.isEmpty);
  }

  /** The clients of late that this one may see: the administrator all, others themselves. */
  clientsSeenBy(client: Client): readonly Client[] {
    return this.mayAdminister(client) ? this.#clients.all : [client];
  }

  /** The quota of a client is wanted by another process; answers what is left of the part here. */
  giveBackQuota(bucket: string): number {
    return this.#clients.giveBack(bucket);
  }

  /** Takes back parts of quotas that nobody has used for so long. */
  takeUnusedQuotas(ms: number): Unused[] {
    return this.#clients.takeUnused(ms);
  }

  /** Says of each change of the file that can be used, so that other processes look at once. */
  onKeysRead(act: () => void): void {
    this.#keys?.onRead(act);
  }

  /** Looks whether the file has changed. */
  async readKeysAgain(): Promise<void> {
    await this.#keys?.lookAgain();
  }

  [Symbol.dispose](): void {
    this.#keys?.[Symbol.dispose]();
    this.identities?.[Symbol.dispose]();
  }

  /**
   * Whom `client` would let in, and undefined for everybody else. A key that is not known is logged:
   * an open route must not say unseen which key is.
   */
  #recognize(request: Caller, response: object): Client | undefined {
    if (refusalOfForeignPage(request, this.#pages)) return undefined;
    const client = this.#clientOf(request);
    if (typeof client !== 'string') {
      chargeTo(request, client.name);
      return client;
    }
    if (credentialOf(request) !== undefined) logRefusal(unauthorized(client), request, requestTrace(response));
    return undefined;
  }

  /** Nobody has to say who they are. */
  get #isOpen(): boolean {
    return this.#keys === undefined && this.identities === undefined;
  }

  /** The client, or why it is not known. */
  #clientOf(request: Caller): Client | string {
    if (this.#isOpen && this.#adminTokens.isEmpty) return this.#clients.byAddress(this.#addressOf(request));
    const given = credentialOf(request);
    if (given !== undefined) {
      const key = this.#keys?.find(given);
      if (key) return this.#clients.byKey(key);
      if (this.#adminTokens.has(given)) return this.#clients.administrator();
      const identity = this.identities?.find(given);
      if (identity !== undefined) return typeof identity === 'string' ? identity : this.#clients.byKey(identity);
      return 'its API key is not known';
    }
    if (this.#isOpen) return this.#clients.byAddress(this.#addressOf(request));
    const names = certificateNames(request.socket);
    const named = this.#keys?.findByNames(names);
    if (named) return this.#clients.byKey(named);
    return names.length === 0
      ? 'the request has no API key'
      : 'the request has no API key, and the names in its client certificate are not those of one entry (certificate_names)';
  }

  #refusalOfAdministration(request: Caller): ServiceError {
    if (this.#adminTokens.isEmpty)
      return new ServiceError(
        'forbidden',
        say`Cannot take the request: there are API keys but no token for administration; name its file in VITRINE_ADMIN_TOKEN_FILE.`,
      );
    if (credentialOf(request) === undefined) return unauthorized('administration needs its token');
    return new ServiceError(
      'forbidden',
      say`Cannot take the request: administration needs its token, and the request has another key; send a token of VITRINE_ADMIN_TOKEN_FILE.`,
    );
  }

  #addressOf(request: Caller): string {
    // Express reads X-Forwarded-For as VITRINE_TRUST_PROXY says; without it the socket is all there is.
    return (this.#config.trustProxy === '' ? request.socket.remoteAddress : request.ip) ?? 'unknown';
  }
}

/**
 * A key may use its own models only. One it may not use is refused by the same words whether it
 * exists or not.
 */
export function refuseModelOfOthers(client: Client, model: string): void {
  if (model.length > modelNameCharsMax) throw modelNotFound(model);
  if (client.key && !client.key.mayUse(model))
    throw new ServiceError(
      'forbidden',
      say`Cannot use this model: the API key does not include it; ask its owner to add it to "models".`,
    );
}

async function adminTokensOf({ adminTokenFile }: Config): Promise<Tokens> {
  if (adminTokenFile === '') return new Tokens();
  return Tokens.read(adminTokenFile).catch((cause: unknown) => {
    throw unusableTokens('VITRINE_ADMIN_TOKEN_FILE', cause);
  });
}

function credentialOf(request: Caller): string | undefined {
  const key = request.headers['x-api-key'];
  return bearerOf(request) ?? (typeof key === 'string' ? key : undefined);
}

function unauthorized(because: string): ServiceError {
  if (because === notChecked)
    return new ServiceError(
      'not_ready',
      say`Cannot check the token: the provider of VITRINE_OIDC_ISSUER cannot be reached or read; come again in a second.`,
      { retryAfterMs: 1_000 },
    );
  return new ServiceError(
    'unauthorized',
    say`Cannot take the request: ${ours(because)}; send "Authorization: Bearer …" with a key of VITRINE_API_KEYS_FILE, or with a token of VITRINE_OIDC_ISSUER.`,
  );
}
