import { type RequestOptions, request as requestPlain } from 'node:http';
import { request as requestSecure } from 'node:https';
import { text } from 'node:stream/consumers';
import { tlsTrouble } from '../src/tls/tls-trouble.ts';
import { type Trust, tlsOptionsOf } from '../src/tls/trust.ts';

/** Where a port is asked, and what that takes where it speaks TLS (ways.ts). */
export type Way = { readonly url: string; readonly trust?: Trust | undefined };

export type Asking = {
  readonly headers?: Readonly<Record<string, string>>;
  /** Makes it a POST. */
  readonly body?: string | undefined;
  readonly timeoutMs?: number;
};

export type Answered = {
  readonly status: number;
  /** 2xx. */
  readonly ok: boolean;
  readonly type: string;
  readonly text: string;
};

/** One question on a connection of its own; throws a sentence that says why there is no answer. */
export async function askPort(way: Way, path: string, { headers, body, timeoutMs }: Asking = {}): Promise<Answered> {
  const url = new URL(`${way.url}${path}`);
  try {
    const options: RequestOptions = {
      agent: false,
      ...(url.protocol === 'https:' && (await tlsOptionsOf(way.trust ?? noTrust, url.hostname))),
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) },
      ...(timeoutMs !== undefined && { signal: AbortSignal.timeout(timeoutMs) }),
    };
    return await send(url, options, body);
  } catch (cause) {
    throw new Error(`${way.url} ${whyNot(cause as NodeJS.ErrnoException, timeoutMs)}`, { cause });
  }
}

const noTrust: Trust = { authorities: [] };

function send(url: URL, options: RequestOptions, body: string | undefined): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asked = (url.protocol === 'https:' ? requestSecure : requestPlain)(url, options, (answer) => {
      const { statusCode: status = 0, headers } = answer;
      const told = { status, ok: status >= 200 && status < 300, type: headers['content-type'] ?? '' };
      text(answer).then((said) => resolve({ ...told, text: said }), reject);
    });
    asked.once('error', reject);
    asked.end(body);
  });
}

function whyNot(error: NodeJS.ErrnoException, timeoutMs: number | undefined): string {
  const { code, name, message, path } = error;
  if (name === 'TimeoutError' || name === 'AbortError') return `does not answer within ${(timeoutMs ?? 0) / 1000} s`;
  if (path !== undefined) return `cannot be asked: ${path} cannot be read (${code})`;
  return tlsTrouble(error) ?? `does not answer (${code ?? message})`;
}
