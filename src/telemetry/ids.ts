import { randomFillSync } from 'node:crypto';
import { type SpanContext, TraceFlags } from '@opentelemetry/api';

export type Ids = { readonly traceId: string; readonly spanId: string };

/** Ids for a span that will be made later: a request has its ids from its first byte, its spans are made when it has ended. */
export function newIds(): Ids {
  for (;;) {
    if (place === placesMax) {
      randomFillSync(drawn);
      drawing += 1;
      place = 0;
    }
    const inText = place % placesEachText;
    if (inText === 0) text = drawnBytes.toString('hex', place * idsBytes, (place + placesEachText) * idsBytes);
    const at = place;
    place += 1;
    // All zeros is no id, by the specification.
    if (isNoId(at * idsWords)) continue;
    const from = inText * idsLetters;
    const spanFrom = from + traceIdLetters;
    return new DrawnIds(text.slice(from, spanFrom), text.slice(spanFrom, from + idsLetters), at, drawing);
  }
}

/** The context of a span that is kept. */
export function sampled({ traceId, spanId }: Ids): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

/** Ids as the bytes that they are: without strings, or anything else that would outlive them. */
export class IdsTable {
  readonly #words: Int32Array;
  readonly #bytes: Buffer;

  constructor(rows: number) {
    this.#words = new Int32Array(rows * idsWords);
    this.#bytes = Buffer.from(this.#words.buffer);
  }

  set(row: number, ids: Ids): void {
    if (DrawnIds.copy(ids, this.#words, row * idsWords)) return;
    writeHex(ids.traceId, this.#bytes, row * idsBytes);
    writeHex(ids.spanId, this.#bytes, row * idsBytes + traceIdBytes);
  }

  /** The first so many rows in which this is the trace's or the span's id, compared as numbers: nothing is made of the other rows. */
  rowsOf(id: string, rows: number): number[] {
    const bytes = Buffer.from(id, 'hex');
    const isTrace = bytes.length === traceIdBytes;
    // Half a byte, or what is no letter of an id, ends what is read.
    if (bytes.length * 2 !== id.length || (!isTrace && bytes.length !== idsBytes - traceIdBytes)) return [];
    if (bytes.toString('hex') !== id) return [];
    const wanted = new Int32Array(new Uint8Array(bytes).buffer);
    const found: number[] = [];
    for (let row = 0, at = isTrace ? 0 : traceIdWords; row < rows; row += 1, at += idsWords) {
      let word = 0;
      while (word < wanted.length && this.#words[at + word] === wanted[word]) word += 1;
      if (word === wanted.length) found.push(row);
    }
    return found;
  }

  get(row: number): Ids {
    const [from, spanFrom, to] = [row * idsBytes, row * idsBytes + traceIdBytes, (row + 1) * idsBytes];
    return { traceId: this.#bytes.toString('hex', from, spanFrom), spanId: this.#bytes.toString('hex', spanFrom, to) };
  }
}

/** Ids that know where they were drawn, to be copied from there as long as nothing else is: reading them from their letters takes ten times as long. */
class DrawnIds implements Ids {
  readonly traceId: string;
  readonly spanId: string;
  readonly #place: number;
  readonly #drawing: number;

  constructor(traceId: string, spanId: string, at: number, during: number) {
    this.traceId = traceId;
    this.spanId = spanId;
    this.#place = at;
    this.#drawing = during;
  }

  /** False where only their letters are left. */
  static copy(ids: Ids, to: Int32Array, at: number): boolean {
    if (!(#place in ids) || ids.#drawing !== drawing) return false;
    const from = ids.#place * idsWords;
    for (let word = 0; word < idsWords; word += 1) to[at + word] = drawn[from + word]!;
    return true;
  }
}

function isNoId(from: number): boolean {
  const trace = drawn[from]! | drawn[from + 1]! | drawn[from + 2]! | drawn[from + 3]!;
  return trace === 0 || (drawn[from + 4]! | drawn[from + 5]!) === 0;
}

function writeHex(letters: string, bytes: Uint8Array, from: number): void {
  for (let at = 0; at < letters.length; at += 2)
    bytes[from + at / 2] = (digits[letters.charCodeAt(at)]! << 4) | digits[letters.charCodeAt(at + 1)]!;
}

/** By the codes of their characters. */
const digits = new Uint8Array(128);
for (let digit = 0; digit < 16; digit += 1) digits[digit.toString(16).charCodeAt(0)] = digit;

const traceIdBytes = 16;
const traceIdLetters = 2 * traceIdBytes;
/** Of a trace and a span. */
const idsBytes = 24;
const idsLetters = 2 * idsBytes;
const idsWords = idsBytes / Int32Array.BYTES_PER_ELEMENT;
const traceIdWords = traceIdBytes / Int32Array.BYTES_PER_ELEMENT;

/** Drawn for some thousands of requests at once, and turned into letters for some of them: for each alone that costs more than all else that its ids do. */
const placesMax = 2048;
/** Few: ids that are remembered keep the text that they are a part of. */
const placesEachText = 8;
const drawn = new Int32Array(placesMax * idsWords);
const drawnBytes = Buffer.from(drawn.buffer);
let drawing = 0;
let place = placesMax;
let text = '';
