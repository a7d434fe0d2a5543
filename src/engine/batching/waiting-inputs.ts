import type { AskedBy, Asker, ClosedBy, Follower } from '../inference.ts';
import type { Owned } from '../owned.ts';
import type { Tensor } from '../tensor.ts';
import { PaddedSize } from './padded-size.ts';
import type { Padding } from './padding.ts';

/** A checked request on its way through the batcher. */
export type Waiting = {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[] | undefined;
  readonly rows: number;
  readonly bytes: number;
  readonly shapeKey: string;
  /**
   * When it came, and how much later its priority makes it: the smallest goes first. It never
   * changes, so the wait of the others ages them all alike.
   */
  readonly order: number;
  readonly enqueuedAt: number;
  readonly deadlineAt: number;
  readonly signal: { readonly aborted: boolean };
  /** The right to the memory under its inputs; undefined where it is somebody else's. */
  readonly owned: Owned | undefined;
  /** A lost lane's run is repeated. */
  readonly isRepeatable: boolean;
  readonly tenant: string | undefined;
  readonly by: AskedBy | undefined;
  readonly follower: Follower | undefined;
  readonly asker: Asker;
  /** In a run of its own: a batch that it was in has failed, or it has no rows to share. */
  alone: boolean;
  /**
   * In a message of its own: the lane was lost, or could not be sent to, when it was in one with
   * others.
   */
  isolated: boolean;
  /** A crash has cost it a run already. */
  retried: boolean;
  /** It has its answer; what still comes for it is for nobody. */
  settled: boolean;
};

export type BatchLimits = {
  readonly rowsMax: number;
  readonly bytesMax: number;
  readonly delayMs: number;
  /** Where rows of different lengths share a batch. */
  readonly padding?: Padding | undefined;
};

/** Requests that go to a lane in one message: as one run, or each in a run of its own. */
export type Batch = {
  readonly entries: Waiting[];
  readonly rows: number;
  readonly closedBy: ClosedBy;
  readonly runsApart: boolean;
};

/** Of requests that go in one message without sharing a run: large ones gain nothing by it. */
const apartBytesMax = 256 * 1024;

/** So many are looked at for a batch of rows of different lengths. */
const lookedAtMax = 1024;

/** Lines that stay when nobody is in them any more. */
const emptyLinesMax = 16;

type Line = { readonly key: string; entries: Waiting[]; head: number; rows: number };

/** Who waits for a lane: one line per shape, each in order. */
export class WaitingInputs {
  readonly #limits: BatchLimits;
  readonly #lines = new Map<string, Line>();
  #count = 0;
  #bytes = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  add(entry: Waiting): void {
    let line = this.#lines.get(entry.shapeKey);
    if (!line) {
      line = { key: entry.shapeKey, entries: [], head: 0, rows: 0 };
      this.#lines.set(entry.shapeKey, line);
    }
    const { entries } = line;
    const last = entries.at(-1);
    if (!last || last.order <= entry.order || entries.length === line.head) entries.push(entry);
    else entries.splice(placeOf(entry, line), 0, entry);
    line.rows += entry.rows;
    this.#count += 1;
    this.#bytes += entry.bytes;
  }

  /**
   * The next batch; or when to ask again, in the time of `now`, because rows are given time to
   * gather; or nothing. `apartMax`: how many requests that cannot share a run may go in one
   * message.
   */
  take(now: number, apartMax = 1): Batch | number | undefined {
    if (this.#count === 0) return undefined;
    let next: Line | undefined;
    let readyAtEarliest = Number.POSITIVE_INFINITY;
    for (const line of this.#lines.values()) {
      const first = line.entries[line.head];
      if (!first) continue;
      const readyAt = this.#readyAt(line, first);
      readyAtEarliest = Math.min(readyAtEarliest, readyAt);
      if (readyAt <= now && (!next || first.order < next.entries[next.head]!.order)) next = line;
    }
    return next ? this.#takeFrom(next, apartMax) : readyAtEarliest;
  }

  /** Takes out those that `isOver` says. */
  remove(isOver: (entry: Waiting) => boolean): void {
    for (const line of [...this.#lines.values()]) {
      const kept: Waiting[] = [];
      for (let at = line.head; at < line.entries.length; at += 1) {
        const entry = line.entries[at]!;
        if (isOver(entry)) this.#left(line, entry);
        else kept.push(entry);
      }
      line.entries = kept;
      line.head = 0;
      this.#forgetEmpty(line);
    }
  }

  /** The earliest deadline among those who wait. */
  earliestDeadline(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { entries, head } of this.#lines.values()) {
      for (let at = head; at < entries.length; at += 1) earliest = Math.min(earliest, entries[at]!.deadlineAt);
    }
    return earliest;
  }

  #readyAt(line: Line, first: Waiting): number {
    const { delayMs, rowsMax } = this.#limits;
    return delayMs === 0 || first.alone || line.rows >= rowsMax ? 0 : first.enqueuedAt + delayMs;
  }

  #takeFrom(line: Line, apartMax: number): Batch {
    const { rowsMax, bytesMax, delayMs, padding } = this.#limits;
    const first = this.#shift(line);
    const entries = [first];
    let { rows, bytes } = first;
    let closedBy: ClosedBy = rowsMax === 0 || first.alone ? 'alone' : delayMs > 0 ? 'delay' : 'idle';
    const runsApart = closedBy === 'alone';
    if (padding !== undefined && !runsApart) return this.#takePadded(line, first, padding, closedBy);
    while (runsApart) {
      const next = line.entries[line.head];
      if (!next || entries.length >= apartMax || first.isolated || next.isolated) break;
      if ((rowsMax > 0 && !next.alone) || bytes + next.bytes > apartBytesMax) break;
      entries.push(this.#shift(line));
      rows += next.rows;
      bytes += next.bytes;
    }
    while (!runsApart) {
      if (rows >= rowsMax) {
        closedBy = 'rows';
        break;
      }
      const next = line.entries[line.head];
      if (!next || next.alone) break;
      if (rows + next.rows > rowsMax) {
        closedBy = 'rows';
        break;
      }
      if (bytes + next.bytes > bytesMax) {
        closedBy = 'bytes';
        break;
      }
      entries.push(this.#shift(line));
      rows += next.rows;
      bytes += next.bytes;
    }
    this.#forgetEmpty(line);
    return { entries, rows, closedBy, runsApart };
  }

  /** The first, and of those behind it all that fit: one that would pad the others too much waits. */
  #takePadded(line: Line, first: Waiting, padding: Padding, otherwise: ClosedBy): Batch {
    const { rowsMax } = this.#limits;
    const size = new PaddedSize(padding, first, this.#limits);
    const entries = [first];
    const kept: Waiting[] = [];
    const end = Math.min(line.entries.length, line.head + lookedAtMax);
    let at = line.head;
    for (; at < end && size.rows < rowsMax; at += 1) {
      const entry = line.entries[at]!;
      if (entry.alone || !size.takes(entry)) {
        kept.push(entry);
        continue;
      }
      entries.push(entry);
      this.#left(line, entry);
    }
    if (entries.length > 1) {
      line.entries = kept.concat(line.entries.slice(at));
      line.head = 0;
    }
    this.#forgetEmpty(line);
    return { entries, rows: size.rows, closedBy: size.closedBy ?? otherwise, runsApart: false };
  }

  #shift(line: Line): Waiting {
    const entry = line.entries[line.head]!;
    line.head += 1;
    // shift() would move thousands of entries for each one; left alone, the front would keep
    // tensors that have been run.
    if (line.head * 2 >= line.entries.length) {
      line.entries = line.entries.slice(line.head);
      line.head = 0;
    }
    this.#left(line, entry);
    return entry;
  }

  #left(line: Line, entry: Waiting): void {
    line.rows -= entry.rows;
    this.#count -= 1;
    this.#bytes -= entry.bytes;
  }

  #forgetEmpty(line: Line): void {
    if (line.head < line.entries.length) return;
    // The line of models with fixed shapes stays, and some others: they would be rebuilt for each
    // batch.
    if (line.key === '' || this.#lines.size <= emptyLinesMax) {
      line.entries.length = 0;
      line.head = 0;
    } else this.#lines.delete(line.key);
  }
}

/** By bisection, behind entries of the same order. */
function placeOf({ order }: Waiting, { entries, head }: Line): number {
  let low = head;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.order <= order) low = middle + 1;
    else high = middle;
  }
  return low;
}
