import { Agent, request } from 'node:http';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { BackendName, Question } from './allowed-questions.ts';

export type Answer = { contentType: string; body: Buffer };

/** The addresses of the backends, from settings only. */
export function backendAddress(config: Config, backend: BackendName): { host: string; port: number } {
  switch (backend) {
    case 'prometheus':
      return { host: config.prometheusHost, port: config.prometheusPort };
    case 'tempo':
      return { host: config.tempoHost, port: config.tempoPort };
    case 'loki':
      return { host: config.lokiHost, port: config.lokiPort };
    case 'alertmanager':
      return { host: config.alertmanagerHost, port: config.alertmanagerPort };
  }
}

/** No more connections than this to one backend. */
const agent = new Agent({ keepAlive: true, maxSockets: 16, timeout: 60_000 });

/**
 * One GET, bounded in time and size. Over node:http on purpose: what goes through fetch is traced
 * as outgoing, and a look at the telemetry should leave none. No redirect is followed; nothing of
 * the caller's headers goes along.
 */
export function askBackend(
  question: Question,
  { config, tenants, signal }: { config: Config; tenants: string; signal: AbortSignal },
): Promise<Answer> {
  const { backend, parameters } = question;
  const { host, port } = backendAddress(config, backend);
  const path = `${question.path}${parameters.size > 0 ? `?${parameters}` : ''}`;
  return new Promise((resolve, reject) => {
    const headers = { accept: 'application/json', ...(backend === 'loki' ? { 'x-scope-orgid': tenants } : {}) };
    const asked = request({ host, port, path, agent, signal, headers }, (answer) => {
      const pieces: Buffer[] = [];
      let size = 0;
      answer.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size <= config.proxyBytesMax) pieces.push(piece);
        else {
          reject(tooLarge(backend, config.proxyBytesMax));
          // Without the error: the socket may have gone back to the agent already, where nobody would catch
          // it.
          asked.destroy();
        }
      });
      answer.on('error', (cause) => reject(asFailure(cause, backend, config)));
      answer.once('end', () => {
        const body = Buffer.concat(pieces);
        const status = answer.statusCode ?? 0;
        if (status === 200) resolve({ contentType: answer.headers['content-type'] ?? 'application/json', body });
        else reject(refusedBy(backend, status, body));
      });
    });
    asked.on('error', (cause) => reject(asFailure(cause, backend, config)));
    asked.end();
  });
}

function refusedBy(backend: BackendName, status: number, body: Buffer): ServiceError {
  const said = body.toString('utf8').slice(0, 300).trim();
  if (status === 404)
    return new ServiceError('not_found', say`Cannot find it: ${ours(backend)} has nothing there (yet).`);
  if (status >= 400 && status < 500)
    return new ServiceError(
      'backend_refused',
      say`Cannot ask this: ${ours(backend)} refuses the question; it says: ${said}`,
    );
  return new ServiceError(
    'backend_failed',
    say`Cannot ask ${ours(backend)}: it answers ${status}; look at its log. It says: ${said}`,
  );
}

function asFailure(cause: Error, backend: BackendName, config: Config): ServiceError {
  if (cause instanceof ServiceError) return cause;
  if (cause.name === 'TimeoutError' || (cause.name === 'AbortError' && isTimeout(cause.cause)))
    return new ServiceError(
      'backend_slow',
      say`Cannot wait for ${ours(backend)}: it has not answered within ${config.proxyMsMax} ms; ask for less time, or raise VITRINE_PROXY_MS_MAX.`,
      { cause },
    );
  if (cause.name === 'AbortError')
    return new ServiceError('caller_gone', say`Cannot answer: the caller has left.`, { cause });
  const { host, port } = backendAddress(config, backend);
  return new ServiceError(
    'backend_away',
    say`Cannot ask ${ours(backend)}: nothing answers at ${ours(host)}:${port}; start it, or set VITRINE_${ours(backend.toUpperCase())}_HOST and VITRINE_${ours(backend.toUpperCase())}_PORT.`,
    { cause, retryAfterMs: 5_000 },
  );
}

function isTimeout(cause: unknown): boolean {
  return cause instanceof Error && cause.name === 'TimeoutError';
}

function tooLarge(backend: BackendName, bytesMax: number): ServiceError {
  return new ServiceError(
    'backend_answer_too_large',
    say`Cannot pass on the answer of ${ours(backend)}: it is larger than ${bytesMax} bytes; ask for less, or raise VITRINE_PROXY_BYTES_MAX.`,
  );
}
