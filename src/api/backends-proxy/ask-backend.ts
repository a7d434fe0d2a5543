import { Agent, request } from 'node:http';
import { request as requestSecure, Agent as SecureAgent } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import { native } from '../../stores/dialects/dialect.ts';
import { dialects } from '../../stores/dialects/dialects.ts';
import { type StoreName, store, storeFor } from '../../stores/stores.ts';
import { tlsTrouble } from '../../tls/tls-trouble.ts';
import { storeTrust, type Trust, tlsOptionsOf } from '../../tls/trust.ts';
import type { BackendName, Question } from './allowed-questions.ts';

/** Where the answer to a question comes from: a store, or Alertmanager. */
export type Answerer = StoreName | 'alertmanager';

const languages = { prometheus: 'metrics', tempo: 'traces', loki: 'logs' } as const;

/** Who answers what is asked in the language of Prometheus, Tempo, Loki or Alertmanager. */
export function answererOf(config: Config, language: BackendName): Answerer {
  return language === 'alertmanager' ? language : storeFor(languages[language], config);
}

/** The addresses of the backends, from settings only. */
function addressOf(config: Config, answerer: Answerer): { host: string; port: number } {
  if (answerer === 'alertmanager') return { host: config.alertmanagerHost, port: config.alertmanagerPort };
  const { host, port } = store(answerer);
  return { host: config[host], port: config[port] };
}

type Asking = { config: Config; tenants: string; signal: AbortSignal };

/** Asks in the dialect of the store that answers, and answers in the language of the question. */
export function askBackend(question: Question, asking: Asking): Promise<Buffer> {
  const answerer = answererOf(asking.config, question.backend);
  const dialect = answerer === 'alertmanager' ? native : dialects[answerer];
  return dialect(question, (path, parameters) =>
    send(answerer, { method: 'GET', path: withParameters(path, parameters), body: undefined }, asking),
  );
}

/** What an administrator changes in Alertmanager: silences, and nothing else. */
export function changeAlertmanager(
  method: 'POST' | 'DELETE',
  path: string,
  body: object | undefined,
  asking: Asking,
): Promise<Buffer> {
  return send('alertmanager', { method, path, body: body && JSON.stringify(body) }, asking);
}

function withParameters(path: string, parameters: URLSearchParams | undefined): string {
  return `${path}${parameters !== undefined && parameters.size > 0 ? `?${parameters}` : ''}`;
}

/** No more connections than this to one backend. */
const connections = { keepAlive: true, maxSockets: 16, timeout: 60_000 };
const agent = new Agent(connections);
const secureAgent = new SecureAgent(connections);

/**
 * One request, bounded in time and size. Over node:http on purpose: what fetch sends is traced
 * as outgoing, and a look at the telemetry should leave none. No redirect is followed; nothing of
 * the caller's headers goes along.
 */
async function send(
  answerer: Answerer,
  { method, path, body }: { method: string; path: string; body: string | undefined },
  { config, tenants, signal }: Asking,
): Promise<Buffer> {
  const { host, port } = addressOf(config, answerer);
  const trust = storeTrust(config);
  const secured = trust && { ...(await credentialsOf(trust, host)), agent: secureAgent };
  return new Promise((resolve, reject) => {
    const headers = {
      accept: 'application/json',
      ...(answerer === 'loki' ? { 'x-scope-orgid': tenants } : {}),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    const ask = secured ? requestSecure : request;
    const sent = ask({ method, host, port, path, agent, signal, headers, ...secured }, (answer) => {
      const pieces: Buffer[] = [];
      let size = 0;
      answer.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size <= config.proxyBytesMax) pieces.push(piece);
        else {
          reject(tooLarge(answerer, config.proxyBytesMax));
          // Without the error: the socket may have gone back to the agent already, where nobody would catch
          // it.
          sent.destroy();
        }
      });
      answer.on('error', (cause) => reject(asFailure(cause, answerer, config)));
      answer.once('end', () => {
        const answered = Buffer.concat(pieces);
        const status = answer.statusCode ?? 0;
        if (status === 200) resolve(answered);
        else reject(refusedBy(answerer, status, answered));
      });
    });
    sent.on('error', (cause) => reject(asFailure(cause, answerer, config)));
    sent.end(body);
  });
}

async function credentialsOf(trust: Trust, host: string): Promise<ConnectionOptions> {
  try {
    return await tlsOptionsOf(trust, host);
  } catch (cause) {
    throw new ServiceError(
      'backend_away',
      say`Cannot ask the stores: a file of VITRINE_STORE_CA_FILE, VITRINE_TLS_CERT_FILE or VITRINE_TLS_KEY_FILE cannot be read; correct it.`,
      { cause },
    );
  }
}

function refusedBy(answerer: Answerer, status: number, body: Buffer): ServiceError {
  const said = body.toString('utf8').slice(0, 300).trim();
  if (status === 404)
    return new ServiceError('not_found', say`Cannot find it: ${ours(titleOf(answerer))} has nothing there (yet).`);
  if (status >= 400 && status < 500)
    return new ServiceError(
      'backend_refused',
      say`Cannot ask this: ${ours(titleOf(answerer))} refuses the question; it says: ${said}`,
    );
  return new ServiceError(
    'backend_failed',
    say`Cannot ask ${ours(titleOf(answerer))}: it answers ${status}; look at its log. It says: ${said}`,
  );
}

function asFailure(cause: Error, answerer: Answerer, config: Config): ServiceError {
  if (cause instanceof ServiceError) return cause;
  if (cause.name === 'TimeoutError' || (cause.name === 'AbortError' && isTimeout(cause.cause)))
    return new ServiceError(
      'backend_slow',
      say`Cannot wait for ${ours(titleOf(answerer))}: it has not answered within ${config.proxyMsMax} ms; ask for less time, or raise VITRINE_PROXY_MS_MAX.`,
      { cause },
    );
  if (cause.name === 'AbortError')
    return new ServiceError('caller_gone', say`Cannot answer: the caller has left.`, { cause });
  const { host, port } = addressOf(config, answerer);
  const trouble = tlsTrouble(cause);
  if (trouble !== undefined)
    return new ServiceError('backend_away', say`Cannot ask ${ours(titleOf(answerer))}: it ${ours(trouble)}.`, {
      cause,
    });
  return new ServiceError(
    'backend_away',
    say`Cannot ask ${ours(titleOf(answerer))}: nothing answers at ${ours(host)}:${port}; start it, or set VITRINE_${ours(answerer.toUpperCase())}_HOST and VITRINE_${ours(answerer.toUpperCase())}_PORT.`,
    { cause, retryAfterMs: 5_000 },
  );
}

export function titleOf(answerer: Answerer): string {
  return answerer === 'alertmanager' ? 'Alertmanager' : store(answerer).title;
}

function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'TimeoutError';
}

function tooLarge(answerer: Answerer, bytesMax: number): ServiceError {
  return new ServiceError(
    'backend_answer_too_large',
    say`Cannot pass on the answer of ${ours(titleOf(answerer))}: it is larger than ${bytesMax} bytes; ask for less, or raise VITRINE_PROXY_BYTES_MAX.`,
  );
}
