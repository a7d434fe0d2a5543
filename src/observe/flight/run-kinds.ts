import { LastFound } from '../last-found.ts';
import { stageNames } from '../stages.ts';
import type { FlightRecord, RequestWords } from './flight-record.ts';
import type { RequestRow } from './request-row.ts';

/** A request that found its lane idle and had its run to itself, in milliseconds. */
export type KindRun = {
  readonly startedAt: number;
  readonly tookMs: number;
  readonly sessionMs: number;
  readonly cpuMs: number;
  /** In the order of stageNames. */
  readonly stages: readonly number[];
};

/** What is known of requests like one request. */
export type KindRuns = { readonly firstAt: number; readonly runs: readonly KindRun[] };

const kindsMax = 512;
const runsEach = 64;
const numbersEach = 4 + stageNames.length;

/**
 * The last requests of each kind that nothing held up: the same model, version and use, as many
 * rows, and tensors and body of about the same size. They are remembered longer than the last
 * requests, so that a rare kind is known beside a busy one.
 */
export class RunKinds {
  readonly #kinds = new Map<string, Kind>();
  readonly #last = new LastFound<Kind>();

  /** A request has ended. */
  add(row: RequestRow, { model, version, task, failure }: RequestWords): void {
    if (model === undefined || failure !== undefined) return;
    const code = codeOf(row.rows, row.bytes, row.bodyBytes, row.form);
    const kind =
      this.#last.get(code, model, version, task) ??
      this.#last.set(this.#open(nameOf(code, model, version, task), row.startedAt), code, model, version, task);
    if (task === undefined ? row.foundIdle : row.hardlyWaited) kind.add(row);
  }

  of({ size, model, version, task }: FlightRecord): KindRuns | undefined {
    if (model === undefined) return undefined;
    const code = codeOf(size.rows, size.bytes, size.bodyBytes, size.form);
    return this.#kinds.get(nameOf(code, model, version, task));
  }

  #open(name: string, startedAt: number): Kind {
    const known = this.#kinds.get(name);
    if (known) return known;
    if (this.#kinds.size >= kindsMax) {
      const [oldest] = this.#kinds.keys();
      this.#kinds.delete(oldest!);
    }
    const kind = new Kind(startedAt);
    this.#kinds.set(name, kind);
    return kind;
  }
}

class Kind implements KindRuns {
  readonly firstAt: number;
  #numbers = new Float64Array(numbersEach * 4);
  #added = 0;

  constructor(firstAt: number) {
    this.firstAt = firstAt;
  }

  add(row: RequestRow): void {
    const from = (this.#added % runsEach) * numbersEach;
    if (from >= this.#numbers.length) this.#grow();
    const numbers = this.#numbers;
    numbers[from] = row.startedAt;
    numbers[from + 1] = row.tookMs;
    numbers[from + 2] = row.batch?.sessionMs ?? 0;
    numbers[from + 3] = row.batch?.cpuMs ?? 0;
    for (let stage = 0; stage < stageNames.length; stage += 1) numbers[from + 4 + stage] = row.stageMs(stage);
    this.#added += 1;
  }

  get runs(): KindRun[] {
    return Array.from({ length: Math.min(this.#added, runsEach) }, (_, at) => {
      const [startedAt = 0, tookMs = 0, sessionMs = 0, cpuMs = 0, ...stages] = this.#numbers.subarray(
        at * numbersEach,
        (at + 1) * numbersEach,
      );
      return { startedAt, tookMs, sessionMs, cpuMs, stages };
    });
  }

  #grow(): void {
    const larger = new Float64Array(Math.min(this.#numbers.length * 4, runsEach * numbersEach));
    larger.set(this.#numbers);
    this.#numbers = larger;
  }
}

/** Rows count exactly, bytes by steps of a fifth: a run and the reading of a body go by them. */
function codeOf(rows: number, bytes: number, bodyBytes: number, form: number): number {
  return (
    ((rows * 256 + Math.round(4 * Math.log2(bytes + 1))) * 256 + Math.round(2 * Math.log2(bodyBytes + 1))) * 8 + form
  );
}

function nameOf(code: number, model: string, version = '', task = ''): string {
  return `${code} ${model}\0${version}\0${task}`;
}
