import assert from 'node:assert/strict';
import type { ReadableSpan } from '@opentelemetry/sdk-trace';
import { toneWav } from '../../testkit/tone-wav.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import type { ServedApi } from '../api/serve-api.ts';
import { tellSpansHere } from '../telemetry/told-spans.ts';
import { form, serveTasks } from './serve-tasks.ts';

// alone: it measures shares of milliseconds.

type Record = {
  request_id: string;
  trace_id: string;
  route: string;
  status: number;
  model: string | null;
  task: string | null;
  failure: string | null;
  failure_says: string | null;
  fault: string | null;
  duration_ms: number;
  stages_ms: { [stage: string]: number };
  rest_ms: number;
};

const models = {
  generate: 'procedural-synthesizer',
  separate: 'harmonic-percussive',
  score: 'dnsmos',
  speech: 'silero-vad',
  microstructure: 'gaussian-field',
} as const;
type Kind = keyof typeof models;

/** Part of a trace that may be in no span. */
const gapMax = 0.05;

describe('what is told of a task', () => {
  const told = tellSpansHere();
  let api: ServedApi;
  const sound = () => ({ name: 'a.wav', bytes: toneWav({ seconds: 3, sampleRateHz: 16_000, noise: 0.1 }) });

  before(async () => {
    api = await serveTasks(Object.values(models).join(','), { tasksRunningMax: 1 }, { observed: true });
  });
  after(() => api[Symbol.asyncDispose]());

  for (const kind of Object.keys(models) as Kind[])
    it(`says of ${kind} which model worked for it, and leaves no second unexplained`, async () => {
      const { record } = await done(kind, `one-${kind}`);
      assert.deepEqual([record.status, record.model, record.task], [200, models[kind], kind]);
      noGapIn(record);
      assert.ok(record.rest_ms <= gapMax * record.duration_ms + 5, JSON.stringify(record));
      if (kind !== 'generate' && kind !== 'microstructure') assert.ok(record.stages_ms.decode! > 0);
      assert.ok(record.stages_ms.run! > 0 && record.stages_ms.work! > 0, JSON.stringify(record.stages_ms));
    });

  it('says that one waited, which came behind another', async () => {
    const long = { name: 'long.wav', bytes: toneWav({ seconds: 40, sampleRateHz: 44_100, noise: 0.1 }) };
    const first = ask('separate', 'in-front', [long]);
    await waitFor('the first to be worked on', () => api.taskThreads.load.running === 1, { everyMs: 2 });
    const { record, timing } = await done('separate', 'behind', [sound()]);
    await first;
    noGapIn(record);
    const before = await recordOf('in-front');
    noGapIn(before);
    for (const stage of ['decode', 'run', 'write']) assert.ok(before.stages_ms[stage]! > 0, stage);
    assert.ok(record.stages_ms.queue! > 0.3 * record.duration_ms, JSON.stringify(record));
    assert.match(
      timing,
      /^receive;dur=[\d.]+,decode;dur=[\d.]+,queue;dur=[\d.]+,run;dur=.*,work;dur=.*,encode;dur=.*,write;dur=/,
    );
    assert.ok(Number(/queue;dur=([\d.]+)/.exec(timing)?.[1]) > 0.3 * record.duration_ms, timing);
  });

  it('counts each of them where models are counted: lists, the summary, the metrics by model and the cost', async () => {
    for (const [kind, model] of Object.entries(models)) {
      const { requests } = await json<{ requests: Record[] }>(`/v1/requests?model=${model}`);
      assert.ok(
        requests.some(({ task, status }) => task === kind && status === 200),
        kind,
      );
      const { models: uses } = await json<{ models: { model: string; task: string; count: number }[] }>(
        '/v1/requests/summary',
      );
      const used = uses.find((each) => each.model === model && each.task === kind)?.count ?? 0;
      assert.ok(used > 0, kind);
      for (const name of ['inferenceRequests', 'costRequests'] as const) {
        const counted = api.meter
          .counter(name)
          .points()
          .filter(({ labels }) => labels.model === model && (name === 'costRequests' || labels.task === kind));
        assert.equal(
          counted.reduce((sum, { value }) => sum + value, 0),
          used,
          `${name} of ${kind}`,
        );
      }
    }
  });

  it('counts a job as a use of its model, once, and not the request that brought it', async () => {
    const before = usesOf('gaussian-field', 'microstructure');
    const answer = await api.fetch('/v1/microstructure', {
      method: 'POST',
      headers: { Prefer: 'respond-async', 'X-Request-Id': 'brought-a-job' },
      body: JSON.stringify({ size: 32, steps: 5 }),
    });
    assert.equal(answer.status, 202);
    await waitFor('the job', () => usesOf('gaussian-field', 'microstructure') === before + 1);
    const record = await recordOf('brought-a-job');
    assert.deepEqual([record.model, record.task, record.status], ['gaussian-field', 'microstructure', 202]);
  });

  it('counts one that is refused for its parameters, and keeps the sentence without the caller’s words', async () => {
    const answer = await api.fetch('/v1/generate', {
      method: 'POST',
      headers: { 'X-Request-Id': 'refused' },
      body: JSON.stringify({ prompt: 'a bell', model: 'a-canary-model' }),
    });
    assert.equal(answer.status, 404);
    assert.match(((await answer.json()) as { error: string }).error, /a-canary-model/);
    const record = await recordOf('refused');
    assert.deepEqual([record.failure, record.fault], ['model_not_found', 'caller']);
    assert.match(record.failure_says ?? '', /\S+ \S+/);
    assert.doesNotMatch(JSON.stringify(record), /canary/);
    await api.fetch('/v1/generate', {
      method: 'POST',
      body: JSON.stringify({ prompt: 'a bell', duration_seconds: -1 }),
    });
    const refused = api.meter
      .counter('generations')
      .points()
      .filter(({ labels, value }) => labels.fault === 'caller' && value > 0);
    assert.equal(
      refused.reduce((sum, { value }) => sum + value, 0),
      2,
    );
  });

  function usesOf(model: string, task: string): number {
    return api.meter
      .counter('inferenceRequests')
      .points()
      .filter(({ labels }) => labels.model === model && labels.task === task)
      .reduce((sum, { value }) => sum + value, 0);
  }

  /** Every moment of the trace is in a span that has none within it, but for a part. */
  function noGapIn({ trace_id: traceId, request_id: id }: Record): void {
    const spans = told.spans().filter((span) => span.spanContext().traceId === traceId);
    const parents = new Set(spans.map((span) => span.parentSpanContext?.spanId));
    const server = spans.find(({ name }) => name.startsWith('POST '));
    assert.ok(server, `the trace of ${id}`);
    const [from, to] = [startOf(server), endOf(server)];
    const leaves = spans
      .filter((span) => !parents.has(span.spanContext().spanId))
      .sort((one, other) => startOf(one) - startOf(other));
    let coveredTo = from;
    let gap = { ms: 0, before: '' };
    for (const leaf of [
      ...leaves.map((span) => [startOf(span), endOf(span), nameOf(span)] as const),
      [to, to, 'the end'] as const,
    ]) {
      const [start, end, name] = leaf;
      if (start - coveredTo > gap.ms) gap = { ms: start - coveredTo, before: name };
      coveredTo = Math.max(coveredTo, end);
    }
    // Of a trace of milliseconds, one turn of the event loop is more than a twentieth.
    assert.ok(
      gap.ms <= Math.max(gapMax * (to - from), 5),
      `${id}: ${gap.ms.toFixed(1)} of ${(to - from).toFixed(1)} ms are in no span, before ${gap.before}: ${leaves.map(nameOf)}`,
    );
  }

  async function done(kind: Kind, id: string, files = [sound()]) {
    const answer = await ask(kind, id, files);
    assert.equal(answer.status, 200, await answer.clone().text());
    await answer.arrayBuffer();
    return { record: await recordOf(id), timing: answer.headers.get('server-timing') ?? '' };
  }

  function ask(kind: Kind, id: string, files = [sound()]): Promise<Response> {
    const headers = { 'X-Request-Id': id };
    if (kind === 'generate') return post(kind, headers, JSON.stringify({ prompt: 'a bell', duration_seconds: 2 }));
    if (kind === 'microstructure') return post(kind, headers, JSON.stringify({ size: 64, steps: 20 }));
    return post(kind, headers, form(files));
  }

  function post(kind: Kind, headers: { [name: string]: string }, body: FormData | string): Promise<Response> {
    return api.fetch(`/v1/${kind}`, { method: 'POST', headers, body });
  }

  function recordOf(id: string): Promise<Record> {
    return waitFor(`the record of ${id}`, async () => {
      const answer = await api.fetch(`/v1/requests/${id}`);
      return answer.ok && ((await answer.json()) as Record);
    });
  }

  async function json<Answer>(path: string): Promise<Answer> {
    return (await (await api.fetch(path)).json()) as Answer;
  }
});

function startOf({ startTime: [seconds, nanoseconds] }: ReadableSpan): number {
  return seconds * 1000 + nanoseconds / 1e6;
}

function endOf({ endTime: [seconds, nanoseconds] }: ReadableSpan): number {
  return seconds * 1000 + nanoseconds / 1e6;
}

function nameOf({ name, attributes }: ReadableSpan): string {
  return attributes['task.step'] === undefined ? name : String(attributes['task.step']);
}
