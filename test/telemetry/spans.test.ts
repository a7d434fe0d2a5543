import assert from 'node:assert/strict';
import { SpanStatusCode } from '@opentelemetry/api';
import { ServiceError } from '../../src/errors.ts';
import { inSpan, recordSpan } from '../../src/telemetry/spans.ts';
import { tellSpansHere } from './told-spans.ts';

describe('a span around work', () => {
  const told = tellSpansHere();

  it('ends with it, gives its answer, and is the parent of spans inside', async () => {
    const answer = await inSpan('task', { attributes: { task: 'separate' } }, async (span) => {
      span.setAttributes({ chunks: 1 });
      return inSpan('chunk', {}, () => 42);
    });
    assert.equal(answer, 42);
    const [chunk, task] = told.spans();
    assert.deepEqual([task?.name, chunk?.name], ['task', 'task.chunk']);
    assert.equal(chunk?.parentSpanContext?.spanId, task?.spanContext().spanId);
    assert.deepEqual(task?.attributes, { task: 'separate', chunks: 1 });
  });

  it('carries a foreseen failure by its code, without the words of its message, and lets it go on', async () => {
    const failure = new ServiceError('invalid_input', 'Cannot use "a secret prompt": …');
    await assert.rejects(
      inSpan('job', {}, () => Promise.reject(failure)),
      failure,
    );
    const [span] = told.spans();
    assert.equal(span?.attributes['error.type'], 'invalid_input');
    assert.equal(span?.status.code, SpanStatusCode.ERROR);
    assert.doesNotMatch(JSON.stringify([span?.status, span?.attributes, span?.events]), /secret/);
  });

  it('carries a defect with its stack', async () => {
    await assert.rejects(
      inSpan('job', {}, () => {
        throw new TypeError('undefined is not a function');
      }),
    );
    const [span] = told.spans();
    assert.equal(span?.attributes['error.type'], 'internal');
    assert.deepEqual(span?.events, []);
  });

  it('is linked without attributes, which nothing could mask', async () => {
    const other = { traceId: '1'.repeat(32), spanId: '2'.repeat(16), traceFlags: 1 };
    await inSpan('job', { links: [other] }, () => undefined);
    const [link] = told.spans()[0]?.links ?? [];
    assert.equal(link?.context.traceId, other.traceId);
    assert.deepEqual(link?.attributes ?? {}, {});
  });

  it('is recorded when its end is known, in the trace of its parent, and gives its context to the spans within it', () => {
    const [startMs, endMs] = [1_700_000_000_000, 1_700_000_000_250];
    const task = recordSpan({ name: 'task', startMs, endMs });
    const ids = { traceId: task.traceId, spanId: 'a'.repeat(16) };
    const chunk = recordSpan({
      name: 'task.chunk',
      ids,
      parent: task,
      startMs,
      endMs: startMs - 1,
      error: 'lane_lost',
    });
    assert.equal(chunk.spanId, ids.spanId);
    const [one, other] = told.spans();
    assert.deepEqual(
      [one?.parentSpanContext, one?.startTime, one?.duration],
      [undefined, [1_700_000_000, 0], [0, 250_000_000]],
    );
    assert.equal(other?.parentSpanContext?.spanId, one?.spanContext().spanId);
    assert.equal(other?.spanContext().traceId, one?.spanContext().traceId);
    assert.deepEqual(other?.status, { code: SpanStatusCode.ERROR, message: 'lane_lost' });
    assert.deepEqual(other?.endTime, other?.startTime, 'no span ends before it begins');
  });
});
