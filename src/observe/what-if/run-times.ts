import { medianOf } from './percentile.ts';
import { type RecordedLoad, runForm } from './recorded-load.ts';

type Curve = { readonly fixedMs: number; readonly rowMs: number; readonly rowsSeen: number };

/**
 * How long a batch would take, by the recorded runs of its requests: exactly as long where it has
 * as many rows as theirs had, else by the line through all recorded runs.
 */
export class RunTimes {
  readonly #load: RecordedLoad;
  readonly #inLane: Curve;
  readonly #onEventLoop: Curve;
  #rowsMost = 0;

  constructor(load: RecordedLoad) {
    this.#load = load;
    this.#inLane = curveOf(load, 0);
    this.#onEventLoop = curveOf(load, runForm.onEventLoop);
  }

  /** The most rows of a batch that was asked for and never recorded; 0: all were. */
  get rowsBeyondRecords(): number {
    return this.#rowsMost > Math.max(this.#inLane.rowsSeen, this.#onEventLoop.rowsSeen) ? this.#rowsMost : 0;
  }

  /** Requests that share a run. */
  sharedMs(places: ArrayLike<number>, isOnEventLoop: boolean): number {
    const { columns } = this.#load;
    let rows = 0;
    for (let at = 0; at < places.length; at += 1) rows += Math.max(1, columns.rows[places[at]!]!);
    this.#rowsMost = Math.max(this.#rowsMost, rows);
    const curve = this.#curve(isOnEventLoop);
    for (let at = 0; at < places.length; at += 1) {
      const place = places[at]!;
      if (!this.#isRecorded(place, isOnEventLoop)) continue;
      const recordedRows = columns.batchRows[place]!;
      return columns.laneMs[place]! * (recordedRows === rows ? 1 : msOf(curve, rows) / msOf(curve, recordedRows));
    }
    return msOf(curve, rows);
  }

  /** A run of its own in a message: without what the message takes. */
  apartMs(place: number, isOnEventLoop: boolean): number {
    const { sessionMs, rows } = this.#load.columns;
    return this.#isRecorded(place, isOnEventLoop)
      ? sessionMs[place]!
      : Math.max(0, msOf(this.#curve(isOnEventLoop), rows[place]!) - this.#load.batches.overheadMs);
  }

  #isRecorded(place: number, isOnEventLoop: boolean): boolean {
    const { laneMs, form } = this.#load.columns;
    const wasThere = (form[place]! & runForm.onEventLoop) !== 0;
    return !Number.isNaN(laneMs[place]!) && wasThere === isOnEventLoop;
  }

  #curve(isOnEventLoop: boolean): Curve {
    const [wanted, other] = isOnEventLoop ? [this.#onEventLoop, this.#inLane] : [this.#inLane, this.#onEventLoop];
    return wanted.rowsSeen > 0 ? wanted : other;
  }
}

function msOf({ fixedMs, rowMs }: Curve, rows: number): number {
  return Math.max(0.001, fixedMs + rowMs * Math.max(1, rows));
}

/**
 * The line through the medians of each number of rows, by least squares. Where all batches had as
 * many rows, nothing says what one more takes: as much as each of these.
 */
function curveOf({ count, columns }: RecordedLoad, form: number): Curve {
  const byRows = new Map<number, number[]>();
  for (let place = 0; place < count; place += 1) {
    if (Number.isNaN(columns.laneMs[place]!) || (columns.form[place]! & runForm.onEventLoop) !== form) continue;
    const rows = Math.max(1, columns.batchRows[place]!);
    const seen = byRows.get(rows);
    if (seen) seen.push(columns.laneMs[place]!);
    else byRows.set(rows, [columns.laneMs[place]!]);
  }
  const points = [...byRows].map(([rows, all]) => ({ rows, ms: medianOf(all), weight: all.length / rows }));
  const rowsSeen = Math.max(0, ...byRows.keys());
  if (points.length === 0) return { fixedMs: 0, rowMs: 0, rowsSeen };
  const weight = points.reduce((sum, point) => sum + point.weight, 0);
  const meanRows = points.reduce((sum, point) => sum + point.weight * point.rows, 0) / weight;
  const meanMs = points.reduce((sum, point) => sum + point.weight * point.ms, 0) / weight;
  const spread = points.reduce((sum, { rows, weight: of }) => sum + of * (rows - meanRows) ** 2, 0);
  const shared = points.reduce((sum, { rows, ms, weight: of }) => sum + of * (rows - meanRows) * (ms - meanMs), 0);
  const rowMs = spread === 0 ? meanMs / meanRows : Math.min(meanMs / meanRows, Math.max(0, shared / spread));
  return { fixedMs: Math.max(0, meanMs - rowMs * meanRows), rowMs, rowsSeen };
}
