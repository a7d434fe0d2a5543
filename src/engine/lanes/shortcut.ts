import { stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import { joinRows } from '../batching/join-rows.ts';
import type { Manifest } from '../registry/manifest.ts';
import type { Tensor } from '../tensor.ts';
import { haveDataIndependentCost } from './constant-cost-operators.ts';
import { freeTensors } from './free-tensors.ts';
import type { RunResult } from './lane.ts';
import type { SessionReport, SessionRequest } from './lane-messages.ts';
import type { LaneSession } from './lane-session.ts';

/** Where its runs are, among the names of lanes. */
export const shortcutName = 'event-loop';

/**
 * What a run may take on the event loop: what sending it to a lane takes there, and a part of what
 * each of its requests does.
 */
const laneRoundTripMs = 0.15;
const eachRequestMs = 0.01;
/** Opening it stops the event loop: for a small file, and not for long. */
const fileBytesMax = 4 * 2 ** 20;
const loadMsMax = 500;
const triesAtOpening = 3;

/**
 * A second session of a model, on the event loop, for batches that are over sooner than they would
 * be there and back again from their lane. Only for models whose runs take as long as their shapes
 * say, so that no caller can make one long; how long that is, each run tells anew.
 */
export class Shortcut {
  readonly #session: LaneSession;
  readonly #runMsMax: number;
  readonly #rowsMax: number;
  /** How long a run takes, by the power of two that its rows come up to. */
  readonly #msOf: number[] = [];

  private constructor(session: LaneSession, runMsMax: number, rowsMax: number) {
    this.#session = session;
    this.#runMsMax = runMsMax;
    this.#rowsMax = rowsMax;
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
    // Not before it is needed: a service all of whose models are large never loads ONNX Runtime into
    // its own thread.
    const { LaneSession } = await import('./lane-session.ts');
    const session = await LaneSession.open({
      ...request,
      providers: ['cpu'],
      intraOpThreads: 1,
      otherProbe: undefined,
      warmUpRuns: 0,
    });
    const shortcut = new Shortcut(session, runMsMax, manifest.batching.rows_max);
    await shortcut.#measure(request.probe);
    if (shortcut.#msOf.some((_, power) => shortcut.fits(2 ** power, 2 ** power))) return shortcut;
    await session.close();
    return;
  }

  /** Whether so many rows of so many requests are run here rather than in a lane. */
  fits(rows: number, requests: number): boolean {
    const ms = this.#msOf[this.#powerOf(rows)];
    return ms !== undefined && ms <= Math.min(this.#runMsMax, laneRoundTripMs + requests * eachRequestMs);
  }

  /** Inputs in buffers of their own are freed after it. */
  run(
    inputs: readonly Tensor[],
    outputs: readonly string[] | undefined,
    areOwn: boolean,
    done: (result: RunResult) => void,
  ): void {
    void this.#run(inputs, outputs).then((result) => {
      if (areOwn) freeTensors(inputs);
      done(result);
    });
  }

  /**
   * How long a run of so many rows took, here or in a lane: the next is expected to be like those
   * before. One that was held up counts for twice as long.
   */
  took(rows: number, ms: number): void {
    const power = this.#powerOf(rows);
    const before = this.#msOf[power];
    if (before !== undefined) this.#msOf[power] = before + (Math.min(ms, 2 * before) - before) / 8;
  }

  async close(): Promise<void> {
    await this.#session.close();
  }

  async #run(
    inputs: readonly Tensor[],
    outputs: readonly string[] | undefined,
  ): Promise<Exclude<RunResult, { kind: 'ended' }>> {
    let startedAt = 0;
    // ONNX Runtime's binding runs in an immediate of its own, the next after this one.
    setImmediate(() => {
      startedAt = performance.now();
    });
    try {
      const { outputs: answer } = await this.#session.run(inputs, outputs);
      // A thread that does not sleep is told its CPU time by the tick of the system's clock, which is
      // longer than the run.
      const ms = performance.now() - startedAt;
      return { kind: 'ran', outputs: answer, sessionMs: ms, cpuMs: ms };
    } catch (error) {
      return { kind: 'failed', reason: (error as Error).message, cpuMs: performance.now() - startedAt };
    }
  }

  async #measure(probe: readonly Tensor[]): Promise<void> {
    const rowsMax = Math.max(1, this.#rowsMax);
    for (let rows = 1; rows < 2 * rowsMax; rows *= 2) {
      const inputs = rows === 1 ? probe : joinRows(Array.from({ length: Math.min(rows, rowsMax) }, () => probe));
      let least = Number.POSITIVE_INFINITY;
      for (let attempt = 0; attempt < triesAtOpening; attempt += 1) {
        const result = await this.#run(inputs, undefined);
        if (result.kind === 'ran') least = Math.min(least, result.sessionMs);
      }
      this.#msOf.push(least);
      if (least > this.#runMsMax) return;
    }
  }

  /**
   * 1, 2, 4, 8 … rows: 0, 1, 2, 3 …; what lies between counts as the next above. A model that runs
   * its requests alone has one shape.
   */
  #powerOf(rows: number): number {
    return this.#rowsMax === 0 ? 0 : 32 - Math.clz32(rows - 1);
  }
}

function mayHaveOne(manifest: Manifest, { provider, probeMs, loadMs }: SessionReport, runMsMax: number): boolean {
  const { lanes, session, batching, inputs, outputs, onnx } = manifest;
  const freeAxes = batching.rows_max > 0 ? 1 : 0;
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
    inputs.every(({ shape }) => shape.every((size, axis) => size >= 0 || axis < freeAxes)) &&
    [...inputs, ...outputs].every(({ datatype }) => datatype !== 'BYTES') &&
    haveDataIndependentCost(onnx.operators)
  );
}
