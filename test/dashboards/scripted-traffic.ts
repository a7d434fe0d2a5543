import { scoreDataset } from '../../testkit/score-dataset.ts';
import type { Stack } from '../../testkit/stack.ts';
import { toneWav } from '../../testkit/tone-wav.ts';
import { sendLogs, sendSpans } from '../backends/send-otlp.ts';
import { adminToken, keys } from './watched-stack.ts';

/**
 * What the scripted traffic leaves behind to be looked for; inference goes on until it is stopped.
 */
export type Traffic = { gpuTraceId: string; gpuId: string; stop(): Promise<void> };

/**
 * Everything that dashboards show, made to happen on the real stack: inference of two tenants, and
 * slow and failing requests until a breaker opens. Then all tasks, rejected requests, and changes by
 * the administrator; a release, pushed events, a masked secret, a line that Loki discards.
 */
export async function makeTraffic(stack: Stack): Promise<Traffic> {
  const service = stack.url('service');
  const infer = (model: string, body: unknown, key: string = keys.studio) =>
    post(`${service}/v2/models/${model}/infer`, body, key);
  const steady = steadily(async (round) => {
    await infer('perceptron', vector('x', 64), round % 4 === 0 ? keys.guest : keys.studio);
    await infer('in-a-process', vector('x', 4));
    // Half of them outside the table: they fail in the run, until the breaker opens.
    await infer('gather', { inputs: [{ name: 'index', datatype: 'INT64', shape: [1, 1], data: [9] }] });
    if (round % 10 === 0) await infer('slow', slowFor(800));
    // What is counted from its first time on has to happen twice to have a rate.
    if (round % 15 === 0) await tellCollector(stack);
    // A rate now, however long ago the tasks below were on a machine that does much else.
    if (round % 15 === 5) for (const task of quickTasks(service)) await task();
  });
  try {
    await infer('nobody', {});
    await infer('perceptron', {}, 'no-such-key-0000000');
    await admin(`${service}/v2/logging`, { log_verbose_level: 0 });
    await admin(`${service}/v2/repository/models/perceptron/load`, {});
    await tellReceiver(stack.url('receiver'));
    await fetch(`${service}/backends/prometheus/api/v1/query?query=up`, { headers: asJson(keys.studio) });
    const gpuId = 'GPU-shim-0000';
    // As a run on a GPU would be: there is none here, only the shim of its driver.
    const [gpuTraceId] = await sendSpans(
      stack.port('otlpGrpcPort'),
      [
        {
          name: 'inference.run',
          atMs: Date.now(),
          attributes: { 'hw.id': gpuId, 'inference.model.name': 'perceptron', 'inference.provider': 'cuda' },
        },
      ],
      { 'service.name': 'vitrine', 'service.instance.id': 'shim' },
    );
    for (let round = 0; round < 2; round += 1) await doTasks(service);
    await scoreDataset(stack);
    await steady.rounds(40);
    return { gpuTraceId: gpuTraceId!, gpuId, stop: () => steady.stop() };
  } catch (error) {
    await steady.stop();
    throw error;
  }
}

/** Those that take no time worth naming. */
function quickTasks(service: string): (() => Promise<Response>)[] {
  return [
    () => post(`${service}/v1/generate`, { prompt: 'a bright bell', duration_seconds: 1 }, keys.studio),
    () => post(`${service}/v1/microstructure`, { size: 64, steps: 10 }, keys.studio),
  ];
}

async function doTasks(service: string): Promise<void> {
  const sound = toneWav({ seconds: 1, sampleRateHz: 16_000 });
  for (const task of quickTasks(service)) await expectWell(task());
  await expectWell(upload(`${service}/v1/separate`, { 'tone.wav': sound }));
  await expectWell(upload(`${service}/v1/score`, { 'tone.wav': sound }));
  await expectWell(upload(`${service}/v1/speech`, { 'tone.wav': sound }));
  await expectWell(
    upload(`${service}/v1/separate`, { 'silence.wav': toneWav({ seconds: 1, sampleRateHz: 16_000, hertz: 0 }) }),
  );
  const job = { prompt: 'a low drum', duration_seconds: 1 };
  await expectWell(
    send(`${service}/v1/generate`, JSON.stringify(job), { ...asJson(keys.studio), prefer: 'respond-async' }),
  );
  // One whose time is over before it is done, and one that is the caller's fault.
  await send(`${service}/v1/generate`, JSON.stringify({ prompt: 'a bell', duration_seconds: 20 }), {
    ...asJson(keys.studio),
    'x-request-timeout-ms': '1',
  });
  await upload(`${service}/v1/separate`, { 'broken.wav': Buffer.from('not a sound') });
}

async function tellReceiver(receiver: string): Promise<void> {
  const release = { version: '1.2.3', by: 'a-test', note: 'a release to be seen as a mark' };
  await expectWell(post(`${receiver}/deploy`, release));
  const lines = [
    { kind: 'counter', name: 'nightly_files', labels: { script: 'nightly' }, value: 3 },
    { kind: 'gauge', name: 'nightly_age', unit: 's', value: 12 },
  ];
  await expectWell(
    fetch(`${receiver}/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: lines.map((line) => JSON.stringify(line)).join('\n'),
    }),
  );
  await post(`${receiver}/deploy`, { no: 'version' });
}

async function tellCollector(stack: Stack): Promise<void> {
  const resource = { 'service.name': 'vitrine', 'log.stream': 'app' };
  const secret = { body: 'a line with password=hunter2 in it', atMs: Date.now() };
  await sendLogs(`http://127.0.0.1:${stack.port('otlpHttpPort')}/v1/logs`, [secret], resource);
  const note = { note: 'password=hunter2' };
  await sendSpans(stack.port('otlpGrpcPort'), [
    { name: 'a span', atMs: Date.now(), attributes: note, event: { name: 'an event', attributes: note } },
  ]);
  // Older than Loki takes: refused for good, and counted there.
  const old = { body: 'a line from a month ago', atMs: Date.now() - 30 * 86_400_000 };
  await sendLogs(`${stack.url('loki')}/otlp/v1/logs`, [old], resource);
}

function vector(name: string, length: number) {
  return {
    inputs: [{ name, datatype: 'FP32', shape: [1, length], data: Array.from({ length }, (_, at) => at / length) }],
  };
}

function slowFor(iterations: number) {
  return {
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
      { name: 'iterations', datatype: 'INT64', shape: [], data: [iterations] },
    ],
  };
}

function post(url: string, body: unknown, key?: string): Promise<Response> {
  return send(url, JSON.stringify(body), asJson(key));
}

function asJson(key?: string): Record<string, string> {
  return { 'content-type': 'application/json', ...(key !== undefined && { authorization: `Bearer ${key}` }) };
}

async function admin(url: string, body: unknown): Promise<void> {
  await expectWell(post(url, body, adminToken));
}

function upload(url: string, files: Readonly<Record<string, Uint8Array>>): Promise<Response> {
  const form = new FormData();
  for (const [name, bytes] of Object.entries(files)) form.append('file', new Blob([Uint8Array.from(bytes)]), name);
  return send(url, form, { authorization: `Bearer ${keys.studio}` });
}

async function send(url: string, body: string | FormData, headers: Record<string, string>): Promise<Response> {
  const answer = await fetch(url, { method: 'POST', body, headers, signal: AbortSignal.timeout(240_000) }).catch(
    (error: unknown) => {
      throw new Error(`${url} did not answer`, { cause: error });
    },
  );
  await answer.clone().arrayBuffer();
  return answer;
}

async function expectWell(asked: Promise<Response>): Promise<void> {
  const answer = await asked;
  if (!answer.ok) throw new Error(`${answer.url} answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
}

/**
 * Rounds one after another, with a pause between them, so that counters rise in several exports.
 */
function steadily(act: (round: number) => Promise<void>) {
  let done = 0;
  let stopped = false;
  let failure: unknown;
  const waiting: { at: number; resolve: () => void; reject: (error: unknown) => void }[] = [];
  const running = (async () => {
    try {
      while (!stopped) {
        await act(done++);
        for (const one of waiting.filter(({ at }) => at <= done)) one.resolve();
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
    } catch (error) {
      failure = error;
      for (const one of waiting) one.reject(error);
    }
  })();
  return {
    rounds: (at: number) =>
      new Promise<void>((resolve, reject) => {
        if (failure !== undefined) reject(failure);
        else if (done >= at) resolve();
        else waiting.push({ at, resolve, reject });
      }),
    async stop() {
      stopped = true;
      await running;
    },
  };
}
