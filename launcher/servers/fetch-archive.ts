import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { sha256Of } from '../../src/hash-of-file.ts';

/** Why an archive could not be had, as it ends a sentence about the server. */
export class NoArchive extends Error {
  override readonly name = 'NoArchive';
}

export type FetchOptions = {
  url: string;
  /** The file to write. */
  to: string;
  sha256: string;
  /** A download that would take longer is given up: something else is quicker. */
  msMax: number;
  signal?: AbortSignal | undefined;
  onBytes?: (bytes: number, bytesMax: number | undefined) => void;
};

/** A host that has not begun to answer by then is given up. */
const answerMsMax = 1_000;
const stallMsMax = 5_000;
/** How long a download runs before its speed is judged. */
const judgedAfterMs = 3_000;
const hopsMax = 5;
const triesMax = 3;
/** The largest official archive has 100 MB. */
const bytesMax = 1e9;

/**
 * Downloads an archive and checks its SHA-256. A download that is cut off goes on where it was if
 * the host can do that.
 */
export async function fetchArchive(options: FetchOptions): Promise<{ bytes: number }> {
  const { url, to, sha256 } = options;
  const startedMs = performance.now();
  let whole = false;
  for (let tries = 1; !whole; tries += 1) {
    options.signal?.throwIfAborted();
    const had = tries === 1 ? 0 : (await stat(to)).size;
    whole = await fetchFrom(options, { had, startedMs, last: tries === triesMax });
  }
  const { size } = await stat(to);
  const found = await sha256Of(to);
  if (found !== sha256) throw new NoArchive(`${hostOf(url)} has another file: its SHA-256 is ${found}, not ${sha256}`);
  return { bytes: size };
}

type Attempt = { had: number; startedMs: number; last: boolean };

/** False when it was cut off and can go on. */
async function fetchFrom(options: FetchOptions, { had, startedMs, last }: Attempt): Promise<boolean> {
  const { url, to, msMax, signal, onBytes } = options;
  const stop = new AbortController();
  const stopped = () => stop.abort();
  signal?.addEventListener('abort', stopped);
  let stall: NodeJS.Timeout | undefined;
  const file = await open(to, had === 0 ? 'w' : 'a', 0o600);
  let bytes = had;
  try {
    const answer = await follow(url, had, stop);
    if (had > 0 && answer.statusCode !== 206) throw cut(url, bytes, undefined);
    const length = Number(answer.headers['content-length'] ?? Number.NaN);
    const total = Number.isNaN(length) ? undefined : had + length;
    if ((total ?? 0) > bytesMax) throw new NoArchive(`${hostOf(url)} has ${total} bytes, more than any archive`);
    const watch = () => {
      clearTimeout(stall);
      stall = setTimeout(() => stop.abort(new NoArchive(`${hostOf(url)} sends nothing any more`)), stallMsMax);
    };
    watch();
    try {
      for await (const chunk of answer as AsyncIterable<Buffer>) {
        watch();
        await file.write(chunk);
        bytes += chunk.length;
        if (bytes > bytesMax) throw new NoArchive(`${hostOf(url)} sends more than any archive has`);
        onBytes?.(bytes, total);
        judge({ url, bytes, total, ms: performance.now() - startedMs, msMax });
      }
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason;
      if (error instanceof NoArchive || (error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
      if (last || bytes === had || answer.headers['accept-ranges'] !== 'bytes') throw cut(url, bytes, total);
      return false;
    }
    return true;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(stall);
    signal?.removeEventListener('abort', stopped);
    stop.abort();
    await file.close();
  }
}

/** Each hop has to begin its answer within the second; redirects never leave https. */
async function follow(url: string, from: number, stop: AbortController): Promise<IncomingMessage> {
  let at = url;
  for (let hops = 0; hops < hopsMax; hops += 1) {
    const late = setTimeout(
      () => stop.abort(new NoArchive(`${hostOf(at)} did not answer within a second`)),
      answerMsMax,
    );
    let answer: IncomingMessage;
    try {
      answer = await get(at, from === 0 ? {} : { Range: `bytes=${from}-` }, stop.signal);
    } catch (error) {
      if (stop.signal.aborted) throw stop.signal.reason;
      throw new NoArchive(`${hostOf(at)} cannot be reached (${(error as NodeJS.ErrnoException).code ?? error})`);
    } finally {
      clearTimeout(late);
    }
    const { statusCode = 0, headers } = answer;
    if (statusCode >= 200 && statusCode <= 299) return answer;
    answer.destroy();
    if (statusCode < 300 || statusCode > 399 || headers.location === undefined)
      throw new NoArchive(`${hostOf(at)} answered ${statusCode} for ${new URL(at).pathname}`);
    const to = new URL(headers.location, at);
    if (to.protocol !== new URL(at).protocol)
      throw new NoArchive(`${hostOf(at)} leads from ${new URL(at).protocol} to ${to.protocol}`);
    at = to.href;
  }
  throw new NoArchive(`${hostOf(url)} leads on and on`);
}

async function get(url: string, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<IncomingMessage> {
  const request = (url.startsWith('https:') ? https : http).get(url, { headers, signal, agent: false });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return answer;
}

type Pace = { url: string; bytes: number; total: number | undefined; ms: number; msMax: number };

function judge({ url, bytes, total, ms, msMax }: Pace): void {
  if (ms < judgedAfterMs) return;
  const expectedMs = total === undefined ? ms : (ms * total) / bytes;
  if (expectedMs > msMax) throw new NoArchive(`${hostOf(url)} would take ${Math.round(expectedMs / 1000)} s for it`);
}

function cut(url: string, bytes: number, total: number | undefined): NoArchive {
  return new NoArchive(`${hostOf(url)} broke off after ${bytes}${total === undefined ? '' : ` of ${total}`} bytes`);
}

function hostOf(url: string): string {
  return new URL(url).host;
}
