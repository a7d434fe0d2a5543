import { stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { Batch, Waiting } from '../batching/waiting-inputs.ts';
import { elementsOfProbe, makeProbe, type ProbeShapes } from '../make-probe.ts';
import type { Manifest } from '../registry/manifest.ts';
import type { Tensor } from '../tensor.ts';
import { haveDataIndependentCost } from './constant-cost-operators.ts';
import type { RunResult } from './lane.ts';
import type { LaneRun, RunEnd, SessionReport, SessionRequest } from './lane-messages.ts';
import type { LaneSession } from './lane-session.ts';

/** Where its runs are, among the names of lanes. */
export const shortcutName = 'event-loop';

/**
 * What a run may take on the event loop: what sending it to a lane takes there, and a part of what
 * each of its requests does.
 */
const laneRoundTripMs = 0.15;
const eachRequestMs = 0.01;
/**
 * The same of a request in a run of its own: its tensors are written and read by themselves, there
 * and back.
 */
const eachApartMs = 0.05;
/** Opening it stops the event loop: for a small file, and not for long. */
const fileBytesMax = 4 * 2 ** 20;
const loadMsMax = 500;
const triesAtOpening = 5;
/** Of a free dimension, when it is measured. */
const sizeMax = 2 ** 16;
/** Of a request, likewise: more is copied slowly. */
const elementsMax = 2 ** 18;

/**
 * A second session of a model, on the event loop, for batches that are run sooner there than they
 * would be sent to their lane. Only for models whose runs take as long as their shapes say, up to
 * the sizes that were measured: no caller can make one long. Each run corrects what is expected.
 */
export class Shortcut {
  readonly #session: LaneSession;
  readonly #runMsMax: number;
  readonly #rowsMax: number;
  readonly #freeAxes: readonly FreeAxis[];
  /**
   * How long a run takes, by the powers of two that its rows and its largest other free dimension
   * come up to.
   */
  readonly #msOf: number[][] = [];
  /** Of the last requests that ran alone, each. */
  #apartMs = 0.001;

  private constructor(session: LaneSession, runMsMax: number, manifest: Manifest) {
    this.#session = session;
    this.#runMsMax = runMsMax;
    this.#rowsMax = manifest.batching.rows_max;
    this.#freeAxes = freeAxesOf(manifest);
  }

  /**
   * Undefined for a model that has no use for one. `report` is what a lane said that has opened the
   * same.
   */
  static async open(
    manifest: Manifest,
    request: SessionRequest,
    report: SessionReport,
    runMsMax: number,
  ): Promise<Shortcut | undefined> {
    if (!mayHaveOne(manifest, report, runMsMax) || (await stat(request.file)).size > fileBytesMax) return;
    // Not before it is needed: a service all of whose models are large never loads ONNX Runtime
    // into its own thread.
    const { LaneSession } = await import('./lane-session.ts');
    const session = await LaneSession.open({
      ...request,
      providers: ['cpu'],
      intraOpThreads: 1,
      rowTrial: undefined,
      warmUpRuns: 0,
    });
    const shortcut = new Shortcut(session, runMsMax, manifest);
    await shortcut.#measure(manifest);
    if (shortcut.#servesAny()) return shortcut;
    await session.close();
    return;
  }

  /** Whether a batch is run here rather than in a lane. */
  fits({ entries, rows, runsApart }: Batch): boolean {
    if (!runsApart) {
      const ms = this.#expectedMs(rows, this.#sizeOf(entries[0]!.inputs));
      return isSoonerHere(ms, entries.length, runsApart, this.#runMsMax);
    }
    let ms = 0;
    for (const entry of entries) ms += this.#expectedMs(entry.rows, this.#sizeOf(entry.inputs));
    this.#apartMs = ms / entries.length;
    return isSoonerHere(ms, entries.length, runsApart, this.#runMsMax);
  }

  /**
   * How many of those who wait run here in one turn, each in a run of its own, going by the last
   * ones; 0: all of them are sent to a lane sooner.
   */
  apartMax(waiting: number): number {
    return apartAtOnce(this.#apartMs, waiting, this.#runMsMax);
  }

  /** All of them in one turn of the event loop; `done` is called once. */
  run(runs: readonly LaneRun[], done: (result: RunResult) => void): void {
    void Promise.all(runs.map((run) => this.#run(run))).then((ends) => done({ kind: 'done', ends }));
  }

  /**
   * How long a run took: the next is expected to be like those before. A shorter one says more: a
   * longer one was held up. So a longer one in a lane, which others hold up more, says nothing.
   */
  took(members: readonly Pick<Waiting, 'inputs'>[], rows: number, ms: number, wasHere: boolean): void {
    const bySize = this.#msOf[this.#powerOfRows(rows)];
    const power = powerOf(this.#sizeOf(members[0]!.inputs));
    const before = bySize?.[power];
    if (before === undefined) return;
    if (ms < before) bySize![power] = before + (ms - before) / 2;
    else if (wasHere) bySize![power] = before + (Math.min(ms, 2 * before) - before) / 16;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #run({ inputs, outputs }: LaneRun): Promise<RunEnd> {
    let startedAt = 0;
    // ONNX Runtime's binding runs in an immediate of its own, the next after this one.
    setImmediate(() => {
      startedAt = performance.now();
    });
    try {
      const { outputs: answer } = await this.#session.run(inputs, outputs);
      // A thread that does not sleep gets its CPU time by the tick of the system's clock, which is
      // longer than the run.
      const ms = performance.now() - startedAt;
      return { kind: 'ran', outputs: answer, sessionMs: ms, cpuMs: ms };
    } catch (error) {
      return { kind: 'failed', reason: (error as Error).message, cpuMs: performance.now() - startedAt };
    }
  }

  #expectedMs(rows: number, size: number): number {
    return this.#msOf[this.#powerOfRows(rows)]?.[powerOf(size)] ?? Number.POSITIVE_INFINITY;
  }

  /** The largest free dimension beside the rows. */
  #sizeOf(inputs: readonly Tensor[]): number {
    let largest = 1;
    for (const { input, axis } of this.#freeAxes) largest = Math.max(largest, inputs[input]!.shape[axis]!);
    return largest;
  }

  #powerOfRows(rows: number): number {
    return this.#rowsMax === 0 ? 0 : powerOf(rows);
  }

  #servesAny(): boolean {
    return this.#msOf.some((bySize, rows) =>
      bySize.some((ms) => ms <= Math.min(this.#runMsMax, laneRoundTripMs + 2 ** rows * eachRequestMs)),
    );
  }

  /** All free dimensions have the same size in it: a smaller one makes no run longer. */
  async #measure(manifest: Manifest): Promise<void> {
    const rowsMax = Math.max(1, this.#rowsMax);
    for (let rows = 1; rows < 2 * rowsMax; rows *= 2) {
      const bySize: number[] = [];
      this.#msOf.push(bySize);
      for (let size = 1; size <= (this.#freeAxes.length === 0 ? 1 : sizeMax); size *= 2) {
        const shapes = probeShapes(manifest, Math.min(rows, rowsMax), size);
        if (size > 1 && elementsOfProbe(shapes) > elementsMax) break;
        const ms = await this.#leastMs(makeProbe(shapes, 1));
        bySize.push(ms ?? Number.POSITIVE_INFINITY);
        if (ms !== undefined && ms > this.#runMsMax) break;
      }
      if (bySize.every((ms) => ms > this.#runMsMax)) return;
    }
  }

  /** Undefined where the model does not take such inputs. */
  async #leastMs(inputs: readonly Tensor[]): Promise<number | undefined> {
    let least: number | undefined;
    for (let attempt = 0; attempt < triesAtOpening; attempt += 1) {
      const end = await this.#run({ inputs, outputs: undefined });
      if (end.kind === 'failed') return;
      least = Math.min(least ?? end.sessionMs, end.sessionMs);
      if (end.sessionMs > 4 * this.#runMsMax) break;
    }
    return least;
  }
}

/** Whether runs of so long are over on the event loop before they would be in a lane. */
export function isSoonerHere(ms: number, requests: number, runsApart: boolean, runMsMax: number): boolean {
  return ms <= Math.min(runMsMax, laneRoundTripMs + requests * (runsApart ? eachApartMs : eachRequestMs));
}

/** How many runs of so long, each by itself, one turn takes; 0: a lane has them sooner. */
export function apartAtOnce(ms: number, waiting: number, runMsMax: number): number {
  return ms * waiting > laneRoundTripMs + waiting * eachApartMs ? 0 : Math.floor(runMsMax / ms);
}

type FreeAxis = { readonly input: number; readonly axis: number };

function freeAxesOf({ inputs, batching }: Manifest): FreeAxis[] {
  const first = batching.rows_max > 0 ? 1 : 0;
  return inputs.flatMap(({ shape }, input) =>
    shape.flatMap((size, axis) => (size >= 0 || axis < first ? [] : [{ input, axis }])),
  );
}

function probeShapes({ inputs, batching }: Manifest, rows: number, freeSize: number): ProbeShapes {
  return { inputs, probe_dimensions: {}, freeSize, ...(batching.rows_max > 0 && { rows }) };
}

/** 1, 2, 4, 8 …: 0, 1, 2, 3 …; what lies between counts as the next above. */
function powerOf(count: number): number {
  return count <= 1 ? 0 : 32 - Math.clz32(count - 1);
}

function mayHaveOne(manifest: Manifest, { provider, probeMs, loadMs }: SessionReport, runMsMax: number): boolean {
  const { lanes, session, inputs, outputs, onnx } = manifest;
  return (
    runMsMax > 0 &&
    lanes.shortcut &&
    lanes.kind === 'thread' &&
    session.intra_op_threads <= 1 &&
    session.inter_op_threads === 1 &&
    provider === 'cpu' &&
    loadMs <= loadMsMax &&
    probeMs !== undefined &&
    // Longer than that it would have no use for one, and would be felt when it is measured.
    probeMs <= 4 * runMsMax &&
    [...inputs, ...outputs].every(({ datatype }) => datatype !== 'BYTES') &&
    haveDataIndependentCost(onnx.operators)
  );
}
