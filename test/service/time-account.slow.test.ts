import assert from 'node:assert/strict';
import { inferenceStages, type StageName } from '../../src/observe/stages.ts';
import { gather, identity, slow, writeModel } from '../../testkit/models/models.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

// alone: it measures shares of milliseconds.

describe('the time account of a request', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let receiver: OtlpReceiver;
  let service: ServiceProcess;

  before(async () => {
    folder = await temporaryFolder();
    await writeModel(folder.path, 'copy', identity('FP32'));
    await writeModel(folder.path, 'slow', slow());
    await writeModel(folder.path, 'pick', gather());
    receiver = await OtlpReceiver.start();
    service = await startService({
      VITRINE_DATA: `${folder.path}/data`,
      VITRINE_MODELS: folder.path,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
      VITRINE_TRACE_FIRST_PER_SECOND: '0',
    });
  });

  after(async () => {
    await service?.[Symbol.asyncDispose]();
    receiver?.stop();
    await folder?.[Symbol.asyncDispose]();
  });

  const ask = async <Answer>(path: string) => (await (await fetch(`${service.url}${path}`)).json()) as Answer;

  it('is given to the caller, all but send, and is no more than the whole', async () => {
    const startedAt = performance.now();
    const answer = await infer(service.url);
    const tookMs = performance.now() - startedAt;
    const stages = [...(answer.headers.get('server-timing') ?? '').matchAll(/(\w+);dur=([\d.]+)/g)];
    assert.deepEqual(
      stages.map(([, stage]) => stage),
      inferenceStages.filter((stage) => stage !== 'send'),
    );
    const sum = stages.reduce((total, [, , ms]) => total + Number(ms), 0);
    assert.ok(sum > 0 && sum <= tookMs, `${sum} of ${tookMs} ms`);
  });

  it('has all but a hundredth of the time of a request that takes a few milliseconds, and says the rest', async () => {
    const requests = 40;
    for (let sent = 0; sent < requests; sent += 1) await infer(service.url, {}, 'slow', someMilliseconds);
    const lines = await waitFor('them in the flight recorder', async () => {
      const told = await ask<{ requests: { trace_id: string }[] }>(`/v1/requests?recent=${requests}&model=slow`);
      return told.requests.length === requests && told.requests;
    });
    const parts: number[] = [];
    for (const { trace_id: id } of lines) {
      const flight = await ask<Flight>(`/v1/requests/${id}`);
      const { duration_ms: took, stages_ms: stages, rest_ms: rest } = flight;
      const booked = inferenceStages.reduce((sum, stage) => sum + stages[stage], 0);
      assert.ok(Math.abs(booked + rest - took) < 0.01, `${booked} + ${rest} is not ${took}`);
      parts.push(rest / took);
    }
    const median = parts.sort((a, b) => a - b)[requests / 2]!;
    assert.ok(median < 0.01, `${median}`);
  });

  it('is no other request’s: a caller who has left is not booked to those who came after, when the run that nobody waits for ends', async () => {
    const long = [someMilliseconds[0], { ...someMilliseconds[1], data: [2000] }];
    const leaving = new AbortController();
    const left = infer(service.url, {}, 'slow', long, leaving.signal).catch((error: Error) => error.name);
    // By the time that these have been there and back, it runs.
    for (let sent = 0; sent < 3; sent += 1) await infer(service.url);
    leaving.abort();
    assert.equal(await left, 'AbortError');
    const waiting: Promise<Response>[] = [];
    for (let sent = 0; sent < 5; sent += 1) {
      waiting.push(infer(service.url, { 'x-request-id': `behind-${sent}` }, 'slow', someMilliseconds));
      await infer(service.url);
    }
    await Promise.all(waiting);
    for (const sent of waiting.keys()) {
      const { duration_ms: took, stages_ms: stages } = await waitFor('it in the flight recorder', async () => {
        const told = await ask<Partial<Flight>>(`/v1/requests/behind-${sent}`);
        return told.stages_ms && (told as Flight);
      });
      assert.ok(stages.queue > 0.5 * took, 'it waited for the run');
      const booked = inferenceStages.reduce((sum, stage) => sum + stages[stage], 0);
      assert.ok(booked <= took + 0.01, `${booked} of ${took} ms`);
    }
  });

  it('is on the trace as a span for each stage, with the batch on the run', async () => {
    const answer = await infer(service.url, { 'x-vitrine-trace': '1' });
    const traceId = Buffer.from(answer.headers.get('traceresponse')?.split('-')[1] ?? '', 'hex');
    const told = await waitFor('the trace', () =>
      receiver.received.find((bytes) => bytes.includes(traceId) && bytes.includes('inference.run')),
    );
    for (const stage of inferenceStages) assert.ok(told.includes(`inference.${stage}`), stage);
    for (const attribute of ['inference.batch.closed_by', 'inference.lane', 'vitrine.trace.kept', 'forced'])
      assert.ok(told.includes(attribute), attribute);
  });

  it('has the run of a request that failed in it, and its trace the batch', async () => {
    const answer = await fetch(`${service.url}/v2/models/pick/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs: [{ name: 'index', datatype: 'INT64', shape: [1, 1], data: [9] }] }),
    });
    assert.equal(answer.status, 500);
    const id = answer.headers.get('traceresponse')?.split('-')[1] ?? '';
    const flight = await waitFor('it in the flight recorder', async () => {
      const told = await ask<Partial<Flight> & { batch: { outcome: string } }>(`/v1/requests/${id}`);
      return told.stages_ms && told;
    });
    assert.ok((flight.stages_ms?.run ?? 0) > 0);
    assert.equal(flight.batch.outcome, 'failed');
    await waitFor('the run on its trace', () =>
      receiver.received.some(
        (bytes) =>
          bytes.includes(Buffer.from(id, 'hex')) && bytes.includes('inference.run') && bytes.includes('failed'),
      ),
    );
  });

  it('leaves no trace and no line of a request that nobody asked for, and counts it all the same', async () => {
    const answer = await infer(service.url);
    const traceId = Buffer.from(answer.headers.get('traceresponse')?.split('-')[1] ?? '', 'hex');
    const asked = await infer(service.url, { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' });
    assert.equal(asked.headers.get('traceresponse')?.split('-')[1], '4bf92f3577b34da6a3ce929d0e0e4736');
    const later = Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex');
    await waitFor('the later trace', () => receiver.received.some((bytes) => bytes.includes(later)));
    assert.ok(!receiver.received.some((bytes) => bytes.includes(traceId)));
    await waitFor('the metrics', () => receiver.received.some((bytes) => bytes.includes('inference.stage.duration')));
  });
});

type Flight = { duration_ms: number; rest_ms: number; stages_ms: Record<StageName, number> };

const oneNumber = [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }];
const someMilliseconds = [
  { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
  { name: 'iterations', datatype: 'INT64', shape: [], data: [20] },
];

async function infer(
  url: string,
  headers: Record<string, string> = {},
  model = 'copy',
  inputs: unknown[] = oneNumber,
  signal: AbortSignal | null = null,
): Promise<Response> {
  const answer = await fetch(`${url}/v2/models/${model}/infer`, {
    method: 'POST',
    headers,
    signal,
    body: JSON.stringify({ inputs }),
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer;
}
