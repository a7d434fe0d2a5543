import { randomFillSync } from 'node:crypto';
import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import { type HeadValue, headValue, hexValue, partOf } from '../head-lines.ts';

export type Ids = { readonly traceId: string; readonly spanId: string };
/** As a head may have them. */
export type HeadIds = { readonly traceId: HeadValue; readonly spanId: HeadValue };

/**
 * Ids for a span that will be made later: a request has its ids from its first byte, its spans are
 * made when it has ended.
 */
export function newIds(): HeadIds {
  return drawIds(nowhere, 0);
}

/** The context of a span that is kept. */
export function sampled({ traceId, spanId }: Ids): SpanContext {
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED };
}

/** Ids as the bytes that they are, a row each: no string outlives its request. */
export class IdsTable {
  #words: Int32Array;
  #bytes: Buffer;

  constructor(rows: number) {
    this.#words = new Int32Array(rows * idsWords);
    this.#bytes = Buffer.from(this.#words.buffer);
  }

  grow(rows: number): void {
    const words = new Int32Array(rows * idsWords);
    words.set(this.#words);
    this.#words = words;
    this.#bytes = Buffer.from(words.buffer);
  }

  /** New ids, written into the row. */
  draw(row: number): HeadIds {
    return drawIds(this.#words, row * idsWords);
  }

  /** The trace is the caller's. */
  setTraceId(row: number, traceId: string): void {
    this.#bytes.write(traceId, row * idsBytes, 'hex');
  }

  get(row: number): Ids {
    const [from, spanFrom, to] = [row * idsBytes, row * idsBytes + traceIdBytes, (row + 1) * idsBytes];
    return { traceId: this.#bytes.toString('hex', from, spanFrom), spanId: this.#bytes.toString('hex', spanFrom, to) };
  }

  /**
   * The first so many rows in which this is the trace's or the span's id, compared as numbers:
   * nothing is made of the other rows.
   */
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
}

function drawIds(to: Int32Array, at: number): HeadIds {
  for (;;) {
    if (next === drawnMax) {
      randomFillSync(drawn);
      next = 0;
    }
    const inText = next % drawnEachText;
    if (inText === 0) text = hexValue(drawnBytes, next * idsBytes, (next + drawnEachText) * idsBytes);
    const from = next * idsWords;
    next += 1;
    // All zeros is no id, by the specification.
    if (isNoId(from)) continue;
    for (let word = 0; word < idsWords; word += 1) to[at + word] = drawn[from + word]!;
    const letters = inText * 2 * idsBytes;
    const spanFrom = letters + 2 * traceIdBytes;
    return { traceId: partOf(text, letters, spanFrom), spanId: partOf(text, spanFrom, letters + 2 * idsBytes) };
  }
}

function isNoId(from: number): boolean {
  const trace = drawn[from]! | drawn[from + 1]! | drawn[from + 2]! | drawn[from + 3]!;
  return trace === 0 || (drawn[from + 4]! | drawn[from + 5]!) === 0;
}

const traceIdBytes = 16;
/** Of a trace and a span. */
const idsBytes = 24;
const idsWords = idsBytes / Int32Array.BYTES_PER_ELEMENT;
const traceIdWords = traceIdBytes / Int32Array.BYTES_PER_ELEMENT;

/**
 * Drawn for some thousands of requests at once, and turned into letters for some of them: for each
 * alone that costs more than all else that its ids do.
 */
const drawnMax = 2048;
/** Few: ids that are stored keep the text that they are a part of. */
const drawnEachText = 8;
const drawn = new Int32Array(drawnMax * idsWords);
const drawnBytes = Buffer.from(drawn.buffer);
const nowhere = new Int32Array(idsWords);
let next = drawnMax;
let text = headValue('');
