import assert from 'node:assert/strict';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import type { BatchFacts } from '../../src/engine/inference.ts';
import { BatchSpans } from '../../src/observe/batch-spans.ts';
import { makeRequestSpans } from '../../src/observe/request-spans.ts';
import { newIds } from '../../src/telemetry/ids.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { stagesOf } from './flight-records.ts';
import { tellSpansHere } from './told-spans.ts';

describe('the span of a batch', () => {
  const told = tellSpansHere();

  it('is linked with its kept members, both ways, by links without attributes', () => {
    const batch = batchOf(2);
    for (const name of ['one', 'other']) {
      makeRequestSpans({
        ids: newIds(),
        parent: ROOT_CONTEXT,
        name,
        attributes: {},
        startedAt: 0,
        tookMs: 5,
        error: undefined,
        stages: stagesOf({ run: 3 }),
        batch,
      });
    }
    const runs = told.spans().filter(({ name }) => name === 'inference.run');
    const batches = told.spans().filter(({ name }) => name === 'inference.batch');
    assert.equal(runs.length, 2);
    assert.equal(batches.length, 1, 'all its members are known, so nothing is waited for');
    const [span] = batches;
    assert.deepEqual(
      span?.links.map(({ context }) => context.spanId),
      runs.map((run) => run.spanContext().spanId),
    );
    for (const run of runs)
      assert.deepEqual(
        run.links.map(({ context }) => context.spanId),
        [span?.spanContext().spanId],
      );
    for (const link of [...(span?.links ?? []), ...runs.flatMap(({ links }) => links)])
      assert.deepEqual(link.attributes ?? {}, {}, 'the Collector could not mask them');
    assert.equal(span?.attributes['inference.batch.fill'], 0.5);
    assert.equal(span?.attributes['inference.batch.closed_by'], 'idle');
    assert.equal(span?.attributes['inference.batch.padding'], 0);
    assert.equal(span?.parentSpanContext, undefined);
  });

  it('waits for the fate of its members, but not for long, and links those that were kept', async () => {
    const spans = new BatchSpans({ waitMs: 20 });
    const batch = batchOf(3);
    const member = memberContext();
    const link = spans.join(batch, member);
    assert.deepEqual(told.spans(), []);
    const [made] = await waitFor('the span', () => told.spans().length > 0 && told.spans());
    assert.equal(made?.spanContext().traceId, link.traceId);
    assert.equal(made?.spanContext().traceId, spans.traceIdOf(batch));
    assert.deepEqual(
      made?.links.map(({ context }) => context.traceId),
      [member.traceId],
    );
    assert.equal(spans.join(batch, memberContext()).spanId, link.spanId, 'who comes later still links to it');
    assert.equal(told.spans().length, 1);
  });

  it('waits in bounded number, and for nobody when the service stops', () => {
    const spans = new BatchSpans({ waitMs: 60_000, waitingMax: 10 });
    for (let made = 0; made < 25; made += 1) spans.join({ ...batchOf(2), id: made }, memberContext());
    assert.equal(told.spans().length, 15);
    spans.settle();
    assert.equal(told.spans().length, 25);
  });

  it('is found by what its batch is called, the last so many of them', () => {
    const spans = new BatchSpans({ rememberedMax: 3 });
    const batches = [1, 2, 3, 4].map((id) => ({ ...batchOf(1), id }));
    const links = batches.map((batch) => spans.join(batch, memberContext()));
    assert.deepEqual(
      batches.map((batch) => spans.traceIdOf({ ...batch })),
      [undefined, ...links.slice(1).map(({ traceId }) => traceId)],
    );
    assert.equal(spans.traceIdOf({ ...batches[3]!, startedAt: 1 }), undefined, 'of a model that was loaded again');
  });
});

function memberContext() {
  return { ...newIds(), traceFlags: 1 };
}

function batchOf(inputs: number): BatchFacts {
  return {
    id: 1,
    model: 'm',
    version: '1',
    inputs,
    rows: inputs,
    rowsMax: 4,
    paddingBytes: 0,
    paddingShare: 0,
    tookShortcut: false,
    closedBy: 'idle',
    lane: 'thread-1',
    provider: 'cpu',
    sessionMs: 3,
    cpuMs: 2,
    gpu: undefined,
    outputBytes: 8,
    startedAt: 0,
    endedAt: 4,
    outcome: 'ran',
  };
}
