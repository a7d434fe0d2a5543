import { once } from 'node:events';
import { open, rm, stat } from 'node:fs/promises';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { get } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { sha256Of } from './hash-of-file.ts';
import { ifThere } from './if-there.ts';

type Download = {
  readonly url: string;
  /** What is in it already is not asked for again. */
  readonly to: string;
  readonly bytesMax: number;
  /** What helps where there are more. */
  readonly tooLargeRemedy: string;
  readonly silentMsMax: number;
  readonly signal: AbortSignal;
  readonly begins: (bytesTotal: number, had: number) => void;
  readonly onBytes: (bytes: number) => void;
};

const hopsMax = 5;
/** How often a transfer goes on after an interruption that brought nothing new. */
const attemptsMax = 4;
const waitMsFirst = 100;

/**
 * Writes what an https address has into a file, and syncs it. It goes on where an earlier attempt
 * was cut off, also that of an earlier process: the hash has to decide whether the whole is right.
 */
async function download(of: Download): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const before = await sizeOf(of.to);
    try {
      await continueAt(of, before);
      return;
    } catch (error) {
      of.signal.throwIfAborted();
      if (!(error instanceof CutOff)) throw error;
      if ((await sizeOf(of.to)) > before) attempt = 0;
      else if (attempt >= attemptsMax) throw new DownloadFailed('unreachable', error.message, '', error);
      await pause(waitMsFirst * 2 ** attempt, undefined, { signal: of.signal });
    }
  }
}

/**
 * The same of a file whose SHA-256 is known. What an earlier attempt left may be of another file:
 * then once more from the beginning.
 */
export async function downloadVerified(
  of: Download & { readonly sha256: string; readonly wrongHash: (found: string) => Error },
): Promise<void> {
  for (let isFresh = !(await ifThere(stat(of.to))); ; isFresh = true) {
    await download(of);
    const found = await sha256Of(of.to);
    if (found === of.sha256) return;
    await rm(of.to);
    if (isFresh) throw of.wrongHash(found);
  }
}

/** A small file, as a signature is, in memory; undefined where there is none. */
export async function downloadSmall(
  of: Pick<Download, 'url' | 'bytesMax' | 'silentMsMax' | 'signal'> & { readonly headers?: OutgoingHttpHeaders },
): Promise<Buffer | undefined> {
  using silence = new Silence(of.silentMsMax, of.signal);
  try {
    const answer = await follow(of.url, of.headers ?? {}, silence);
    if (answer.statusCode === 404) return undefined;
    if (answer.statusCode !== 200)
      throw new DownloadFailed('unreachable', `its host answers ${answer.statusCode} for ${pathOf(of.url)}`);
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      silence.heard();
      bytes += chunk.length;
      if (bytes > of.bytesMax)
        throw new DownloadFailed(
          'refused',
          `${pathOf(of.url)} has more than ${of.bytesMax} bytes`,
          'put the right file there',
        );
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    of.signal.throwIfAborted();
    if (error instanceof CutOff) throw new DownloadFailed('unreachable', error.message, '', error);
    throw error;
  } finally {
    silence.end();
  }
}

/** Why something could not be downloaded, as it ends a sentence. */
export class DownloadFailed extends Error {
  override readonly name = 'DownloadFailed';
  /** `unreachable`: trying again may help. */
  readonly kind: 'unreachable' | 'refused';
  /** Of what is refused. */
  readonly remedy: string;

  constructor(kind: 'unreachable' | 'refused', why: string, remedy = '', cause?: unknown) {
    super(why, { cause });
    this.kind = kind;
    this.remedy = remedy;
  }
}

class CutOff extends Error {
  override readonly name = 'CutOff';
}

async function continueAt(of: Download, had: number): Promise<void> {
  using silence = new Silence(of.silentMsMax, of.signal);
  const answer = await follow(of.url, had > 0 ? { Range: `bytes=${had}-` } : {}, silence);
  const { statusCode, headers } = answer;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  // The whole is here, or the host has another file: the hash finds out.
  if (statusCode === 416 && had > 0) return void answer.destroy();
  if (statusCode !== 200 && statusCode !== 206) {
    answer.destroy();
    const why = `its host answers ${statusCode}`;
    throw statusCode === 429 || statusCode! >= 500 ? new CutOff(why) : new DownloadFailed('unreachable', why);
  }
  const isRest = statusCode === 206 && Number(range?.[1]) === had;
  if (statusCode === 206 && !isRest) {
    answer.destroy();
    throw new DownloadFailed('unreachable', 'its host answers with another part than was asked for');
  }
  const from = isRest ? had : 0;
  const length = Number(headers['content-length'] ?? Number.NaN);
  const total = Number.isNaN(length) ? 0 : from + length;
  if (total > of.bytesMax) {
    answer.destroy();
    throw tooLarge(of, total);
  }
  of.begins(total, from);
  await using file = await open(of.to, isRest ? 'a' : 'w', 0o600);
  let bytes = from;
  let diskFailure: unknown;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      silence.heard();
      bytes += chunk.length;
      if (bytes > of.bytesMax) throw tooLarge(of, bytes);
      await file.appendFile(chunk).catch((error) => {
        diskFailure = error;
        throw error;
      });
      of.onBytes(chunk.length);
    }
  } catch (error) {
    // What came is kept for the next attempt.
    await file.sync().catch(() => undefined);
    throw diskFailure ?? asCutOff(error, silence);
  }
  await file.sync();
  if (total > 0 && bytes < total) throw new CutOff(`its host broke off after ${bytes} of ${total} bytes`);
}

/** Redirects are followed as long as they stay encrypted. */
async function follow(url: string, headers: OutgoingHttpHeaders, silence: Silence): Promise<IncomingMessage> {
  let at = url;
  for (let hops = 0; hops < hopsMax; hops += 1) {
    const answer = await ask(at, headers, silence);
    const { statusCode = 0, headers: got } = answer;
    if (statusCode < 300 || statusCode > 399 || got.location === undefined) return answer;
    answer.destroy();
    const to = URL.canParse(got.location, at) ? new URL(got.location, at) : undefined;
    if (to?.protocol !== 'https:')
      throw new DownloadFailed('refused', 'it leads to what is not https', 'give the address that it leads to');
    at = to.href;
  }
  throw new DownloadFailed('unreachable', 'its host leads on and on');
}

async function ask(url: string, headers: OutgoingHttpHeaders, silence: Silence): Promise<IncomingMessage> {
  try {
    // The bytes that were hashed: no encoding of the transfer.
    const request = get(url, {
      headers: { ...headers, 'Accept-Encoding': 'identity' },
      signal: silence.signal,
      agent: false,
    });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    silence.heard();
    return answer;
  } catch (error) {
    throw asCutOff(error, silence);
  }
}

/** Ends a transfer in which nothing arrives. */
class Silence {
  readonly #ended = new AbortController();
  readonly signal: AbortSignal;
  readonly #timer: NodeJS.Timeout;

  constructor(msMax: number, given: AbortSignal) {
    this.signal = AbortSignal.any([given, this.#ended.signal]);
    this.#timer = setTimeout(() => this.#ended.abort(new CutOff(`its host says nothing for ${msMax} ms`)), msMax);
  }

  heard(): void {
    this.#timer.refresh();
  }

  get reason(): unknown {
    return this.#ended.signal.aborted ? this.#ended.signal.reason : undefined;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  [Symbol.dispose](): void {
    this.end();
    // What is still open of the answer goes with it.
    this.#ended.abort();
  }
}

function asCutOff(error: unknown, silence: Silence): unknown {
  if (silence.reason instanceof CutOff) return silence.reason;
  if (!(error instanceof Error) || error instanceof DownloadFailed) return error;
  const { code } = error as NodeJS.ErrnoException;
  return new CutOff(`its host cannot be reached (${code ?? error.name})`, { cause: error });
}

function tooLarge({ bytesMax, tooLargeRemedy }: Download, bytes: number): DownloadFailed {
  return new DownloadFailed('refused', `it has ${bytes} bytes, more than ${bytesMax}`, tooLargeRemedy);
}

async function sizeOf(file: string): Promise<number> {
  return (await ifThere(stat(file)))?.size ?? 0;
}

function pathOf(url: string): string {
  return new URL(url).pathname;
}
