import assert from 'node:assert/strict';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { readConfig } from '../../src/config.ts';
import { type EngineObserver, observedBy } from '../../src/engine/engine-observer.ts';
import type { BatchFacts, Follower } from '../../src/engine/inference.ts';
import { Registry } from '../../src/engine/registry/registry.ts';
import { Cost } from '../../src/observe/cost.ts';
import { EngineMetrics } from '../../src/observe/engine-metrics.ts';
import { FlightRecorder } from '../../src/observe/flight/flight-recorder.ts';
import { makeRequestSpans } from '../../src/observe/request-spans.ts';
import { newIds } from '../../src/telemetry/ids.ts';
import { type CollectedMetric, Meter } from '../../src/telemetry/meter.ts';
import { gather, identity, writeModel } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { recordOf, remember, stagesOf } from '../telemetry/flight-records.ts';
import { tellSpansHere } from '../telemetry/told-spans.ts';
import { fp32, whole } from './serve-models.ts';

type Heard = { [Name in keyof EngineObserver]: [Name, ...Parameters<EngineObserver[Name]>] }[keyof EngineObserver];

const gpu = { hwId: 'gpu-1', seconds: 0.5, energy: { joules: 20, is: 'measured' as const } };

describe('the observers of the engine', () => {
  const told = tellSpansHere();
  const heard: Heard[] = [];
  const followed: BatchFacts[] = [];

  before(async () => {
    await using folder = await temporaryFolder();
    await writeModel(folder.path, 'copy', identity('FP32'));
    await writeModel(folder.path, 'gather', gather());
    const hear = (...what: Heard) => heard.push(frozen(what));
    await using registry = new Registry(
      { ...readConfig({}), models: folder.path },
      {
        batchEnded: (...of) => hear('batchEnded', ...of),
        modelLoaded: (...of) => hear('modelLoaded', ...of),
        requestDropped: (...of) => hear('requestDropped', ...of),
        requestRetried: (...of) => hear('requestRetried', ...of),
        lookedUp: (...of) => hear('lookedUp', ...of),
        runSaved: (...of) => hear('runSaved', ...of),
        answersEvicted: (...of) => hear('answersEvicted', ...of),
        sequenceEnded: (...of) => hear('sequenceEnded', ...of),
      },
      { began: () => undefined, ended: () => gpu },
    );
    await registry.start();
    const follower: Follower = {
      arrived: () => undefined,
      batchEnded: (batch) => followed.push(batch),
      expiredInRun: () => undefined,
    };
    const infer = (model: string, inputs: ReturnType<typeof fp32>[], deadlineAt = performance.now() + 60_000) =>
      registry.find(model).infer({
        inputs,
        priority: 0,
        deadlineAt,
        signal: { aborted: false },
        tenant: 'somebody',
        follower: Object.freeze(follower),
      });
    await Promise.all([infer('copy', [fp32('x', [1, 3], [1, 2, 3])]), infer('copy', [fp32('x', [1, 3], [4, 5, 6])])]);
    await assert.rejects(infer('gather', [whole('INT64', 'index', [1, 1], [1_000])]));
    await assert.rejects(infer('copy', [fp32('x', [1, 3], [7, 8, 9])], 0));
  });

  it('are given what the engine knows, whole: what a run had of its GPU too', () => {
    const batches = heard.flatMap(([name, batch]) => (name === 'batchEnded' ? [batch as BatchFacts] : []));
    assert.deepEqual(new Set(batches.map(({ outcome }) => outcome)), new Set(['ran', 'failed']));
    for (const batch of batches) assert.equal(batch.gpu, gpu);
    assert.deepEqual(new Set(followed), new Set(batches));
    assert.ok(heard.some(([name]) => name === 'requestDropped'));
  });

  it('come to the same metrics, flight records and spans in any order', async () => {
    const [first, ...others] = await Promise.all(orders([0, 1, 2]).map((order) => seenIn(order)));
    assert.match(JSON.stringify(first), /"inference\.gpu\.energy_joules":20/);
    for (const other of others) assert.deepEqual(other, first);
  });

  async function seenIn(order: readonly number[]) {
    told.spans().length = 0;
    const meter = new Meter();
    const [engineMetrics, cost] = [new EngineMetrics(meter), new Cost(meter)];
    const flights = new FlightRecorder({ recordsMax: 16, batchesMax: 16, minutesMax: 1 });
    const all = [engineMetrics, cost, flights];
    const observer = observedBy(...order.map((at) => all[at]!));
    for (const [name, ...of] of heard) (observer[name] as (...given: unknown[]) => void)(...of);
    const [batch] = followed;
    const record = { ...recordOf(1, batch), startedAt: 0, tookMs: Number.MAX_SAFE_INTEGER };
    remember(flights, record);
    const spans = { ids: newIds(), parent: ROOT_CONTEXT, name: 'x', attributes: {}, error: undefined };
    makeRequestSpans({ ...spans, startedAt: 0, tookMs: 5, stages: stagesOf({ run: 3 }), batch });
    const runs = told.spans().flatMap(({ name, attributes }) => (name === 'inference.run' ? [attributes] : []));
    const { metrics } = await meter.collect();
    return {
      metrics: new Map(metrics.map(withoutTimes)),
      remembered: flights.list('recent', anything, 1).map((found) => found.batch),
      competition: flights.competitionOf(record),
      // The batch's own span comes once, whichever order is first.
      runs,
    };
  }
});

const anything = { tenant: undefined, model: undefined, fault: undefined, endedSinceMs: 0 };

function withoutTimes({ name, points }: CollectedMetric): [string, Map<string, unknown>] {
  // What begins has its zero first, if that was a millisecond ago.
  return [name, new Map(points.map(({ labels, value }) => [JSON.stringify(labels), value]))];
}

function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    // A waiting request is the engine's own, and goes on to change.
    if (!('asker' in value)) Object.freeze(value);
    for (const each of Object.values(value)) if (typeof each === 'object') frozen(each);
  }
  return value;
}

function orders(of: readonly number[]): number[][] {
  if (of.length < 2) return [[...of]];
  return of.flatMap((first) => orders(of.filter((other) => other !== first)).map((rest) => [first, ...rest]));
}
