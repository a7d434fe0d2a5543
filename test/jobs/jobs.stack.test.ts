import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { lokiLines, prometheusQuery, tempoTraceIds } from '../../testkit/backends.ts';
import { datasetCommand } from '../../testkit/dataset-command.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { fixtureSound, ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { runAuditWhenClosed } from '../audit/run-audit.ts';

describe('jobs and datasets in the real backends', function () {
  this.timeout(900_000);
  let stack: Stack;
  const beganMs = Date.now();

  before(async () => {
    stack = await startStack({
      only: ['service', 'collector', 'prometheus', 'tempo', 'loki'],
      env: {
        VITRINE_MODELS: ourModels,
        VITRINE_MODEL_CONTROL: 'explicit',
        VITRINE_LOAD_MODELS: 'procedural-synthesizer',
        VITRINE_TASKS_PER_MINUTE_MAX: '1000',
        VITRINE_GENERATE_SECONDS_MAX: '600',
      },
    });
  });

  after(async () => {
    await stack?.close();
  });

  it('a job has its metrics, one trace that is linked with its request, and its log lines', async () => {
    const service = stack.url('service');
    await waitFor('the service to be ready', async () => (await fetch(`${service}/ready`)).ok);
    const accepted = await fetch(`${service}/v1/generate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Prefer: 'respond-async' },
      body: JSON.stringify({ prompt: 'a bell', duration_seconds: 1 }),
    });
    const requestTrace = accepted.headers.get('traceresponse')?.split('-')[1] ?? '';
    const { id, trace_id: jobTrace } = (await accepted.json()) as { id: string; trace_id: string };
    await waitFor('the job to be done', async () => {
      const { state } = (await (await fetch(`${service}/v1/jobs/${id}`)).json()) as { state: string };
      return state === 'done';
    });

    const value = async (query: string) => (await prometheusQuery(stack.url('prometheus'), query))[0]?.value;
    await waitFor(
      'the job to be counted',
      async () => (await value('jobs_total{kind="generate",status="done"}')) === 1,
    );
    assert.equal(await value('jobs_total{kind="generate",status="failed"}'), 0);
    assert.equal(await value('job_duration_seconds_count{kind="generate"}'), 1);
    for (const query of [
      'jobs_waiting{kind="score"}',
      'jobs_running{kind="generate"}',
      'jobs_oldest_age_seconds{kind="generate"}',
      'audio_processing_queue_size{queue_name="jobs"}',
      'audio_processing_active_workers{worker_type="job"}',
      'temp_files_total',
      'temp_storage_bytes',
    ])
      await waitFor(`${query} to be 0`, async () => (await value(query)) === 0);

    const spans = await waitFor('the job’s trace', async () => {
      const found = await spansOf(stack, jobTrace);
      return ['job', 'job.step', 'task', 'model.inference'].every((name) => found.has(name)) && found;
    });
    assert.equal(spans.get('job')?.attributes.get('job.state'), 'done');
    assert.equal(spans.get('job.step')?.parent, spans.get('job')?.id);
    assert.deepEqual(spans.get('job')?.links, [requestTrace]);
    await waitFor('the request’s trace', async () => (await spansOf(stack, requestTrace)).size > 0);

    const logged = await waitFor('its log lines', async () => {
      const lines = await lokiLines(stack.url('loki'), `{service_name="vitrine"} | job_id="${id}"`);
      return lines.length >= 3 && lines;
    });
    const byEvent = new Map(logged.map(({ labels }) => [labels.event_type, labels.trace_id]));
    assert.equal(byEvent.get('job_accepted'), requestTrace);
    assert.equal(byEvent.get('audio_generation'), jobTrace);
    assert.equal(byEvent.get('job_ended'), jobTrace);
  });

  it('whoever follows a job and leaves has not failed', async () => {
    const service = stack.url('service');
    const accepted = await fetch(`${service}/v1/generate`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Prefer: 'respond-async' },
      body: JSON.stringify({ prompt: 'a bell', duration_seconds: 60 }),
    });
    const { links } = (await accepted.json()) as { links: { events: string } };
    const leave = new AbortController();
    const events = await fetch(`${service}${links.events}`, { signal: leave.signal });
    await events.body?.getReader().read();
    leave.abort();
    const [counted] = await waitFor('the request to be counted', async () => {
      const found = await prometheusQuery(
        stack.url('prometheus'),
        'http_requests_total{endpoint="/v1/jobs/:id/events"} > 0',
      );
      return found.length > 0 && found;
    });
    assert.equal(counted?.labels.status, '200');
  });

  it('a dataset has its metrics, a trace and a log line for each file, under its own service name', async () => {
    await using folder = await temporaryFolder();
    const sounds = join(folder.path, 'sounds');
    await mkdir(sounds);
    await copyFile(fixtureSound('speech.wav'), join(sounds, 'clean.wav'));
    await copyFile(fixtureSound('speech-in-noise.wav'), join(sounds, 'noisy.wav'));
    await writeFile(join(sounds, 'text.wav'), 'no sound');
    const { code, summary } = await datasetCommand(['score', sounds, '--name', 'trial'], {
      ...(stack.env as Record<string, string>),
      VITRINE_DATA: join(folder.path, 'data'),
      OTEL_SDK_DISABLED: 'false',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${stack.port('otlpGrpcPort')}`,
    }).ended();
    assert.deepEqual([code, summary.success, summary.excluded], [0, 2, 1]);

    const prometheus = stack.url('prometheus');
    const value = async (query: string) => (await prometheusQuery(prometheus, query))[0]?.value;
    const by = 'dataset="trial",processor="score"';
    await waitFor(
      'the files to be counted',
      async () => (await value(`audio_samples_processed_total{${by},status="success"}`)) === 2,
    );
    for (const [query, wanted] of [
      [`audio_samples_processed_total{${by},status="excluded"}`, 1],
      [`audio_samples_processed_total{${by},status="failed"}`, 0],
      ['audio_processing_errors_total{dataset="trial",error_type="media_not_supported",severity="warning"}', 1],
      ['audio_processing_duration_seconds_count{dataset="trial",operation="score"}', 3],
      ['audio_quality_score_count{dataset="trial"}', 2],
      ['audio_quality_measure_count{dataset="trial",measure="dnsmos"}', 2],
      ['audio_processing_queue_size{queue_name="trial"}', 0],
      ['audio_processing_active_workers{worker_type="dataset_score"}', 0],
    ] as const)
      await waitFor(`${query} to be ${wanted}`, async () => (await value(query)) === wanted);
    // The zeros were exported at the start: an increase can be seen.
    const points = await prometheusQuery(
      prometheus,
      `increase(audio_samples_processed_total{${by},status="success"}[5m])`,
    );
    assert.ok((points[0]?.value ?? 0) > 0);
    assert.equal(points[0]?.labels.job ?? points[0]?.labels.service_name, 'vitrine-dataset');

    const ids = await waitFor('the traces of the files', async () => {
      const found = await tempoTraceIds(
        stack.url('tempo'),
        '{ name = "process_audio" && span.dataset.name = "trial" && span.processing.stage = "score" }',
      );
      return found.size === 3 && found;
    });
    const lines = await waitFor('the lines of the files', async () => {
      const found = await lokiLines(
        stack.url('loki'),
        '{service_name="vitrine-dataset"} | event_type="sample_processed"',
      );
      return found.length === 3 && found;
    });
    assert.deepEqual(new Set(lines.map(({ labels }) => labels.trace_id)), ids);
    assert.deepEqual(lines.map(({ labels }) => labels.sample_id).sort(), ['clean.wav', 'noisy.wav', 'text.wav']);
    await waitFor('the excluded one to be found by its failure', async () => {
      const found = await tempoTraceIds(stack.url('tempo'), '{ span.sample.id = "text.wav" && status = error }');
      return found.size === 1;
    });
  });

  it('all books of the audit close, and it names a job whose row is lost', async () => {
    const service = stack.url('service');
    const closed = await runAuditWhenClosed(stack.env, beganMs, Date.now());
    assert.deepEqual([closed.code, closed.audit.holes], [0, []], closed.text);
    const bookOf = (name: string) => closed.audit.books.find(({ book }) => book === name);
    assert.match(bookOf('jobs')?.says ?? '', /^2 accepted/);
    assert.ok((bookOf('cpu')?.expected ?? 0) > 0, 'lanes took CPU time');
    assert.deepEqual(new Set(closed.audit.senders.map(({ job }) => job)), new Set(['vitrine', 'vitrine-dataset']));

    // Much more than is done before the kill: the last of them waits.
    const ids: string[] = [];
    for (let count = 0; count < 40; count += 1) {
      const accepted = await fetch(`${service}/v1/generate`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Prefer: 'respond-async' },
        body: JSON.stringify({ prompt: 'a bell', duration_seconds: 600 }),
      });
      assert.equal(accepted.status, 202);
      ids.push(((await accepted.json()) as { id: string }).id);
    }
    const id = ids.at(-1)!;
    const logged = `{service_name="vitrine"} | event_type="job_accepted" | job_id="${id}"`;
    await waitFor('its line', async () => (await lokiLines(stack.url('loki'), logged)).length === 1);
    await stack.kill('service', 'SIGKILL');
    const folder = join(stack.data, 'service');
    for (const name of (await readdir(folder)).filter((one) => one.startsWith('jobs.sqlite')))
      await rm(join(folder, name));
    await stack.start('service');
    const lost = await runAuditWhenClosed(stack.env, beganMs, Date.now());
    assert.equal(lost.code, 1);
    const { holes } = lost.audit;
    const isLost = ({ book, of, cause }: (typeof holes)[number]) =>
      book === 'jobs' && cause === 'job_lost' && ids.includes(of);
    assert.ok(holes.every(isLost) && holes.some(({ of }) => of === id), lost.text);
  });
});

type FoundSpan = { id: string; parent: string; attributes: Map<string, string>; links: string[] };

async function spansOf(stack: Stack, traceId: string): Promise<Map<string, FoundSpan>> {
  const answer = await fetch(`${stack.url('tempo')}/api/traces/${traceId}`, {
    headers: { Accept: 'application/json' },
  });
  if (answer.status === 404) return new Map();
  assert.equal(answer.status, 200);
  const { batches = [] } = (await answer.json()) as { batches?: { scopeSpans: { spans: RawSpan[] }[] }[] };
  const hex = (base64: string | undefined) => Buffer.from(base64 ?? '', 'base64').toString('hex');
  return new Map(
    batches.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) =>
        spans.map((span): [string, FoundSpan] => [
          span.name,
          {
            id: hex(span.spanId),
            parent: hex(span.parentSpanId),
            attributes: new Map((span.attributes ?? []).map(({ key, value }) => [key, value.stringValue ?? ''])),
            links: (span.links ?? []).map(({ traceId: linked }) => hex(linked)),
          },
        ]),
      ),
    ),
  );
}

type RawSpan = {
  name: string;
  spanId: string;
  parentSpanId?: string;
  attributes?: { key: string; value: { stringValue?: string } }[];
  links?: { traceId: string }[];
};
