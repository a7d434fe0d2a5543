import { hash, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Request } from 'express';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { isLoopback } from '../loopback.ts';
import { log } from '../telemetry/logger.ts';
import { ApiKeys } from './api-keys.ts';
import { chargeTo } from './charged-client.ts';
import { type Client, Clients } from './clients.ts';

/**
 * Who may come in. With API keys, everyone but the health checks needs one; without, everyone who reaches the port may come in, which is why that
 * must be loopback then. Administration needs its own token, or, where there are neither keys nor token, this machine.
 */
export class Door {
  readonly #config: Pick<Config, 'bind' | 'trustProxy'>;
  readonly #keys: ApiKeys | undefined;
  readonly #adminTokens: readonly Buffer[];
  readonly #clients: Clients;
  readonly #onLoopback: boolean;
  #refusalsTold = 0;
  #refusalsToldSince = 0;

  private constructor(config: Config, keys: ApiKeys | undefined, adminTokens: readonly Buffer[]) {
    this.#config = config;
    this.#keys = keys;
    this.#adminTokens = adminTokens;
    this.#clients = new Clients(config);
    this.#onLoopback = isLoopback(config.bind);
  }

  /** Ends the start when a file cannot be used, and when the door would stand open to more than this machine. */
  static async open(config: Config): Promise<Door> {
    const keys = config.apiKeysFile === '' ? undefined : await ApiKeys.open(config.apiKeysFile);
    if (keys === undefined && !isLoopback(config.bind))
      throw new ServiceError(
        'invalid_setting',
        `Cannot listen on ${config.bind}: there are no API keys, so everyone who reaches it could use it; name a file in VITRINE_API_KEYS_FILE, or set VITRINE_BIND to 127.0.0.1.`,
      );
    return new Door(config, keys, config.adminTokenFile === '' ? [] : await readTokens(config.adminTokenFile));
  }

  /** For the person who starts it: why nobody else can reach it. */
  get note(): string | undefined {
    return this.#keys === undefined
      ? 'there are no API keys, so only this machine can reach it (VITRINE_API_KEYS_FILE)'
      : undefined;
  }

  /** The client, who is charged for the request from here on, or `unauthorized`. */
  identify(request: Request): Client {
    const client = this.#find(request);
    chargeTo(request, client.name);
    return client;
  }

  #find(request: Request): Client {
    if (this.#keys === undefined && this.#adminTokens.length === 0)
      return this.#clients.byAddress(this.#addressOf(request));
    const given = credentialOf(request);
    if (given !== undefined) {
      const key = this.#keys?.find(given);
      if (key) return this.#clients.byKey(key);
      if (this.#isAdmin(given)) return this.#clients.administrator();
    }
    if (this.#keys === undefined && given === undefined) return this.#clients.byAddress(this.#addressOf(request));
    throw this.#unauthorized(given === undefined ? 'the request has no API key' : 'its API key is not known');
  }

  /** Lets only the administrator pass. */
  identifyAdmin(request: Request): Client {
    if (this.#adminTokens.length > 0) {
      const given = credentialOf(request);
      if (given !== undefined && this.#isAdmin(given)) {
        chargeTo(request, 'admin');
        return this.#clients.administrator();
      }
      // Whoever has a valid key is known, and told that it is not enough.
      this.identify(request);
      if (given === undefined) throw this.#unauthorized('administration needs its token');
      throw forbidden('administration needs its token, and the request has another key');
    }
    if (this.#keys === undefined) return this.identify(request);
    this.identify(request);
    throw forbidden('there are API keys but no token for administration; name its file in VITRINE_ADMIN_TOKEN_FILE');
  }

  /** Whether this client may see and do what is the administrator's; without keys and token that is everyone on this machine. */
  mayAdminister(client: Client): boolean {
    return client.admin || (this.#keys === undefined && this.#adminTokens.length === 0);
  }

  /**
   * Web pages of others must not act through a browser on this machine: neither by posting here from their own origin, nor by giving their own
   * name the address 127.0.0.1.
   */
  refuseForeignPages(request: Request): void {
    const { origin, host } = request.headers;
    if (host === undefined && request.httpVersion !== '1.0')
      throw new ServiceError(
        'invalid_request',
        'Cannot take the request: its header Host is missing; HTTP/1.1 needs it.',
      );
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`)
      throw forbidden('a web page of another origin sent it; serve the page from this address');
    if (this.#onLoopback && this.#config.trustProxy === '' && host !== undefined && !isLoopbackHost(host))
      throw forbidden(
        'its Host is not this machine, while the service listens on loopback only; use 127.0.0.1, or name the proxy in VITRINE_TRUST_PROXY',
      );
  }

  [Symbol.dispose](): void {
    this.#keys?.[Symbol.dispose]();
  }

  #addressOf(request: Request): string {
    // Express reads X-Forwarded-For as VITRINE_TRUST_PROXY says; without it the socket is all there is.
    return (this.#config.trustProxy === '' ? request.socket.remoteAddress : request.ip) ?? 'unknown';
  }

  #isAdmin(given: string): boolean {
    const hashed = sha256(given);
    let known = false;
    // Every one is compared, in constant time, so that the time says nothing about how near a guess was.
    for (const token of this.#adminTokens) known = timingSafeEqual(token, hashed) || known;
    return known;
  }

  #unauthorized(because: string): ServiceError {
    // A line for each guess would let whoever guesses fill the logs.
    const now = performance.now();
    if (now - this.#refusalsToldSince > 1000) {
      this.#refusalsToldSince = now;
      this.#refusalsTold = 0;
    }
    this.#refusalsTold += 1;
    if (this.#refusalsTold <= 10)
      log('security', 'warn', `A caller was refused: ${because}`, { event_type: 'caller_refused' });
    return new ServiceError(
      'unauthorized',
      `Cannot take the request: ${because}; send "Authorization: Bearer …" with a key of VITRINE_API_KEYS_FILE.`,
    );
  }
}

const tokenCharsMin = 16;

async function readTokens(file: string): Promise<Buffer[]> {
  try {
    const tokens = (await readFile(file, 'utf8'))
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    if (tokens.length === 0) throw new Error('it has no token in it');
    if (tokens.some((token) => token.length < tokenCharsMin || /\s/.test(token)))
      throw new Error(`it has a token that is shorter than ${tokenCharsMin} characters or has spaces in it`);
    return tokens.map(sha256);
  } catch (cause) {
    throw new ServiceError(
      'invalid_setting',
      `Cannot use VITRINE_ADMIN_TOKEN_FILE: ${cause instanceof Error ? cause.message : String(cause)}; name a file with one token a line.`,
      { cause },
    );
  }
}

function credentialOf(request: Request): string | undefined {
  const { authorization } = request.headers;
  if (authorization !== undefined) return /^Bearer +(\S{1,1024}) *$/i.exec(authorization)?.[1] ?? '';
  const key = request.headers['x-api-key'];
  return typeof key === 'string' ? key : undefined;
}

function isLoopbackHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host);
}

function sha256(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

function forbidden(because: string): ServiceError {
  return new ServiceError('forbidden', `Cannot take the request: ${because}.`);
}
