import { type Arrival, cacheOutcomes } from '../../engine/inference.ts';
import { IdsTable } from '../../telemetry/ids.ts';
import { type Stages, stageNames } from '../stages.ts';
import type { FlightRecord, RequestSize } from './flight-record.ts';

/**
 * The numbers of a request, in the order of a row. Times are in the milliseconds of
 * performance.now().
 */
const columns = [
  ...stageNames,
  'startedAt',
  'tookMs',
  'markedAt',
  'enqueuedAt',
  /** When the run began that went on after the request's deadline. */
  'ranSince',
  'waiting',
  'waitingBytes',
  'running',
  'predictedWaitMs',
  /** Its own, as the engine checked them. */
  'rows',
  'bytes',
  'bodyBytes',
  /** Of the answer's body, as it was sent. */
  'answerBytes',
  /** How it was read and written: the bits of `wireForm`. */
  'form',
  /** Batches that it was in and that gave no answer: how many, and the last one. */
  'lostRuns',
  'lostFrom',
  'lostTo',
  /** By its number among the outcomes of a cache, from 1; 0: nothing was looked up. */
  'cache',
  /** From its start until the first part of its answer; 0: the answer came whole. */
  'firstPart',
  'status',
  /** By its number among the stored batches. */
  'batch',
] as const;
type Column = (typeof columns)[number];
export const columnOf = Object.fromEntries(columns.map((name, column) => [name, column])) as Record<Column, number>;
export const columnCount = columns.length;

/** How a body and its answer were read and written, each a bit. */
export const wireForm = { json: 1, decodedAside: 2, encodedAside: 4 } as const;

type RecordNumbers = Pick<
  FlightRecord,
  'status' | 'startedAt' | 'tookMs' | 'stages' | 'arrival' | 'size' | 'lost' | 'cache' | 'firstPartMs'
>;

/**
 * The numbers and ids of requests, a row each: of those in flight, and of those that are stored. A
 * row is claimed when its request begins and is freed by its owner; no row is taken from a request
 * in flight. When all are taken the table grows: it has as many rows as requests are stored, and as
 * ever were in flight at once.
 */
export class RequestTable {
  numbers: Float64Array;
  readonly ids: IdsTable;
  /** Of each row, how often it changed hands: who knows an older number has lost it. */
  generations: Uint32Array;
  readonly #free: number[] = [];
  #used = 0;

  constructor(rows = 64) {
    this.numbers = new Float64Array(rows * columnCount);
    this.ids = new IdsTable(rows);
    this.generations = new Uint32Array(rows);
  }

  /** Rows that were ever claimed. */
  get size(): number {
    return this.#used;
  }

  claim(): number {
    const row = this.#free.pop() ?? this.#used;
    if (row < this.#used) return row;
    if (row === this.generations.length) this.#grow(Math.ceil(row * 1.5));
    this.#used = row + 1;
    return row;
  }

  free(row: number): void {
    this.#free.push(row);
  }

  number(row: number, column: Column): number {
    return this.numbers[row * columnCount + columnOf[column]]!;
  }

  stages(row: number): Stages {
    const { numbers } = this;
    const from = row * columnCount;
    // Written out: made of a list, it was most of what a record costs.
    return {
      receive: numbers[from + columnOf.receive]!,
      decode: numbers[from + columnOf.decode]!,
      queue: numbers[from + columnOf.queue]!,
      assemble: numbers[from + columnOf.assemble]!,
      run: numbers[from + columnOf.run]!,
      split: numbers[from + columnOf.split]!,
      work: numbers[from + columnOf.work]!,
      encode: numbers[from + columnOf.encode]!,
      write: numbers[from + columnOf.write]!,
      send: numbers[from + columnOf.send]!,
    };
  }

  /** The queue as the request found it; undefined: it did not get there. */
  arrival(row: number): Arrival | undefined {
    const waiting = this.number(row, 'waiting');
    if (Number.isNaN(waiting)) return undefined;
    return {
      waiting,
      waitingBytes: this.number(row, 'waitingBytes'),
      running: this.number(row, 'running'),
      predictedWaitMs: this.number(row, 'predictedWaitMs'),
    };
  }

  /** What a flight record takes from the row. */
  numbersOf(row: number): RecordNumbers {
    return {
      status: this.number(row, 'status'),
      startedAt: this.number(row, 'startedAt'),
      tookMs: this.number(row, 'tookMs'),
      stages: this.stages(row),
      arrival: this.arrival(row),
      size: this.requestSize(row),
      lost: this.lostRuns(row),
      cache: cacheOutcomes[this.number(row, 'cache') - 1],
      firstPartMs: this.number(row, 'firstPart') || undefined,
    };
  }

  requestSize(row: number): RequestSize {
    return {
      rows: this.number(row, 'rows'),
      bytes: this.number(row, 'bytes'),
      bodyBytes: this.number(row, 'bodyBytes'),
      answerBytes: this.number(row, 'answerBytes'),
      form: this.number(row, 'form'),
    };
  }

  lostRuns(row: number): FlightRecord['lost'] {
    const runs = this.number(row, 'lostRuns');
    if (runs === 0) return undefined;
    return { runs, last: { from: this.number(row, 'lostFrom'), to: this.number(row, 'lostTo') } };
  }

  #grow(rows: number): void {
    const { numbers, generations } = this;
    this.numbers = new Float64Array(rows * columnCount);
    this.numbers.set(numbers);
    this.generations = new Uint32Array(rows);
    this.generations.set(generations);
    this.ids.grow(rows);
  }
}
