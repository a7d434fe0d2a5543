import { once } from 'node:events';
import { open, rm, stat } from 'node:fs/promises';
import http, { type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { sha256Of } from './hash-of-file.ts';
import { ifThere } from './if-there.ts';

/** How long a host may say nothing: before it answers, and between the parts of its answer. */
type Patience = { readonly answerMsMax?: number; readonly silentMsMax: number };

type Download = Patience & {
  readonly url: string;
  /** What is in it already is not asked for again. */
  readonly to: string;
  readonly bytesMax: number;
  /** What helps where there are more. */
  readonly tooLargeRemedy: string;
  /** How often a host that brings nothing new is asked. */
  readonly attemptsMax?: number;
  readonly signal: AbortSignal;
  readonly begins: (bytesTotal: number, had: number) => void;
  /** What it throws ends the download. */
  readonly onBytes: (bytes: number) => void;
};

const hopsMax = 5;
const waitMsFirst = 100;

/**
 * Writes what an address has into a file, and syncs it. It goes on where an earlier attempt
 * was cut off, also that of an earlier process: the hash has to decide whether the whole is right.
 */
async function download(of: Download): Promise<void> {
  const { attemptsMax = 4 } = of;
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
  for (let isFresh = (await sizeOf(of.to)) === 0; ; isFresh = true) {
    await download(of);
    const found = await sha256Of(of.to);
    if (found === of.sha256) return;
    await rm(of.to);
    if (isFresh) throw of.wrongHash(found);
  }
}

/** A small file, as a signature is, in memory; undefined where there is none. */
export async function downloadSmall(
  of: Patience & Pick<Download, 'url' | 'bytesMax' | 'signal'> & { readonly headers?: OutgoingHttpHeaders },
): Promise<Buffer | undefined> {
  using silence = new Silence(of, of.signal);
  try {
    const answer = await follow(of.url, of.headers ?? {}, silence);
    if (answer.statusCode === 404) return undefined;
    if (answer.statusCode !== 200) throw new DownloadFailed('unreachable', answeredWith(answer, silence));
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      silence.heard();
      bytes += chunk.length;
      if (bytes > of.bytesMax)
        throw new DownloadFailed(
          'refused',
          `${silence.path} has more than ${of.bytesMax} bytes`,
          'put the right file there',
        );
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    of.signal.throwIfAborted();
    const cause = silence.cutOff(error);
    throw cause instanceof CutOff ? new DownloadFailed('unreachable', cause.message, '', cause) : cause;
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
  // Opened first: what an answer brings is lost if it breaks off before it is read.
  await using file = await open(of.to, 'a', 0o600);
  using silence = new Silence(of, of.signal);
  const answer = await follow(of.url, had > 0 ? { Range: `bytes=${had}-` } : {}, silence);
  const { statusCode, headers } = answer;
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers['content-range'] ?? '');
  // The whole is here, or the host has another file: the hash finds out.
  if (statusCode === 416 && had > 0) return;
  if (statusCode !== 200 && statusCode !== 206) {
    const why = answeredWith(answer, silence);
    throw statusCode === 429 || statusCode! >= 500 ? new CutOff(why) : new DownloadFailed('unreachable', why);
  }
  const isRest = statusCode === 206 && Number(range?.[1]) === had;
  if (statusCode === 206 && !isRest)
    throw new DownloadFailed('unreachable', `${silence.host} answers with another part than was asked for`);
  const from = isRest ? had : 0;
  const length = Number(headers['content-length'] ?? Number.NaN);
  const total = Number.isNaN(length) ? 0 : from + length;
  if (total > of.bytesMax) throw tooLarge(of, total);
  of.begins(total, from);
  let bytes = from;
  // A failure of the disk, or of what counts the bytes.
  let ownFailure: unknown;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      silence.heard();
      const isFirst = bytes === from;
      bytes += chunk.length;
      if (bytes > of.bytesMax) throw tooLarge(of, bytes);
      try {
        if (isFirst && had > from) await file.truncate(0);
        await file.appendFile(chunk);
        of.onBytes(chunk.length);
      } catch (error) {
        ownFailure = error;
        throw error;
      }
    }
  } catch (error) {
    // What came is kept for the next attempt.
    await file.sync().catch(() => undefined);
    throw ownFailure ?? silence.cutOff(error, brokeOff(bytes, total));
  }
  await file.sync();
  if (total > 0 && bytes < total) throw new CutOff(`${silence.host} ${brokeOff(bytes, total)}`);
}

function brokeOff(bytes: number, total: number): string {
  return `broke off after ${bytes}${total > 0 ? ` of ${total}` : ''} bytes`;
}

function answeredWith({ statusCode }: IncomingMessage, { host, path }: Silence): string {
  return `${host} answered ${statusCode} for ${path}`;
}

/** Redirects stay with the protocol, which is https but for mirrors. */
async function follow(url: string, headers: OutgoingHttpHeaders, silence: Silence): Promise<IncomingMessage> {
  let at = new URL(url);
  for (let hops = 0; hops < hopsMax; hops += 1) {
    const answer = await ask(at, headers, silence);
    const { statusCode = 0, headers: got } = answer;
    if (statusCode < 300 || statusCode > 399 || got.location === undefined) return answer;
    answer.destroy();
    const to = URL.canParse(got.location, at.href) ? new URL(got.location, at) : undefined;
    if (to?.protocol !== at.protocol) {
      const why = `${at.host} leads to what is not ${at.protocol.slice(0, -1)}`;
      throw new DownloadFailed('refused', why, 'give the address that it leads to');
    }
    at = to;
  }
  throw new DownloadFailed('unreachable', `${at.host} leads on and on`);
}

async function ask(at: URL, headers: OutgoingHttpHeaders, silence: Silence): Promise<IncomingMessage> {
  silence.asks(at);
  try {
    // The bytes that were hashed: no encoding of the transfer.
    const request = (at.protocol === 'https:' ? https : http).get(at, {
      headers: { ...headers, 'Accept-Encoding': 'identity' },
      signal: silence.signal,
      agent: false,
    });
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    silence.heard();
    return answer;
  } catch (error) {
    throw silence.cutOff(error);
  }
}

/** Ends a transfer in which nothing arrives. */
class Silence {
  readonly #patience: Patience;
  readonly #ended = new AbortController();
  readonly signal: AbortSignal;
  #at: URL | undefined;
  #timer: NodeJS.Timeout | undefined;
  #answers = false;

  constructor(patience: Patience, given: AbortSignal) {
    this.#patience = patience;
    this.signal = AbortSignal.any([given, this.#ended.signal]);
  }

  /** Who is asked now. */
  get host(): string {
    return this.#at?.host ?? '';
  }

  get path(): string {
    return this.#at?.pathname ?? '';
  }

  asks(at: URL): void {
    const { silentMsMax, answerMsMax = silentMsMax } = this.#patience;
    this.#at = at;
    this.#answers = false;
    this.#endAfter(answerMsMax, `did not answer within ${answerMsMax} ms`);
  }

  heard(): void {
    if (this.#answers) this.#timer?.refresh();
    else this.#endAfter(this.#patience.silentMsMax, 'sends nothing any more');
    this.#answers = true;
  }

  /** That the host was lost, where an error means it. */
  cutOff(error: unknown, how?: string): unknown {
    if (this.#ended.signal.aborted) return this.#ended.signal.reason;
    if (!(error instanceof Error) || error instanceof DownloadFailed || error instanceof CutOff) return error;
    const { code } = error as NodeJS.ErrnoException;
    return new CutOff(`${this.host} ${how ?? `cannot be reached (${code ?? error.name})`}`, { cause: error });
  }

  #endAfter(msMax: number, why: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ended.abort(new CutOff(`${this.host} ${why}`)), msMax);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    // What is still open of the answer goes with it.
    this.#ended.abort();
  }
}

function tooLarge({ bytesMax, tooLargeRemedy }: Download, bytes: number): DownloadFailed {
  return new DownloadFailed('refused', `it has ${bytes} bytes, more than ${bytesMax}`, tooLargeRemedy);
}

async function sizeOf(file: string): Promise<number> {
  return (await ifThere(stat(file)))?.size ?? 0;
}
