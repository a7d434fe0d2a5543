import assert from 'node:assert/strict';
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { divide, perceptron, slow, writeModel } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { Graph, writeOnnx } from '../../tools/models/onnx/write-onnx.ts';
import { type Served, serveModels, slowInputs, whole } from './serve-models.ts';

const division = (x: number, divisor: number) => [
  whole('INT32', 'x', [1, 1], [x]),
  whole('INT32', 'divisor', [1, 1], [divisor]),
];
/**
 * ONNX Runtime does not look for it, and the processor traps: the process that runs it ends with
 * SIGFPE.
 */
const trap = division(-(2 ** 31), -1);
const inProcess = { kind: 'process' };
const batched = { batching: { rows_max: 8 } };

describe('a process lane', function () {
  this.timeout(60_000);
  let served: Served;
  before(async () => {
    served = await serveModels(
      {
        divide: { onnx: divide(), manifest: { lanes: inProcess, ...batched } },
        divide_safe: { onnx: divide(), manifest: { lanes: inProcess, ...batched, retry_safe: true } },
        slow: { onnx: slow(), manifest: { lanes: { ...inProcess, stuck_after_ms: 100 } } },
        slow_safe: { onnx: slow(), manifest: { lanes: inProcess, retry_safe: true } },
        fragile: { onnx: divide(), manifest: { lanes: inProcess } },
      },
      { breakerFailuresMax: 3, breakerOpenMs: 500 },
    );
  });
  after(() => served[Symbol.asyncDispose]());

  it('that crashes costs its batch and nothing else', async () => {
    const lost = await Promise.allSettled([served.infer('divide', division(6, 2)), served.infer('divide', trap)]);
    for (const one of lost) {
      assert.ok(one.status === 'rejected' && one.reason.code === 'lane_crashed', JSON.stringify(one));
      assert.match(one.reason.message, /process-\d+ was lost during the run \(it ended by SIGFPE\); set retry_safe/);
    }
    const { outputs } = await served.infer('divide', division(6, 2));
    assert.equal(outputs[0]?.data[0], 3);
    assert.equal(served.registry.find('divide').statistics.lanes.crashed, 1);
  });

  it('that takes more memory than it may is ended, its caller hears why, and a new one takes over', async () => {
    await using bounded = await serveModels(
      { hungry: { onnx: hungry(), manifest: { lanes: inProcess } } },
      { laneMemoryBytesMax: 400 * 2 ** 20 },
    );
    const ask = (elements: number) =>
      bounded.infer('hungry', [whole('INT64', 'elements', [1], [elements]), whole('INT64', 'rounds', [], [100_000])]);
    const { batch } = await ask(1);
    await assert.rejects(ask(2 ** 27), {
      code: 'lane_crashed',
      message: /process-\d+ was lost during the run \(it took \d+ bytes .*VITRINE_LANE_MEMORY_BYTES_MAX is 419430400/,
    });
    const after = await ask(1);
    assert.notEqual(after.batch.lane, batch.lane);
    assert.equal(bounded.registry.find('hungry').statistics.lanes.crashed, 1);
  });

  it('that crashes has its batch run once more, each request by itself, where that is safe', async () => {
    const outcomes = await Promise.allSettled([
      served.infer('divide_safe', division(6, 2)),
      served.infer('divide_safe', trap),
      served.infer('divide_safe', division(8, 2)),
    ]);
    const told = outcomes.map((one) => (one.status === 'fulfilled' ? one.value.outputs[0]?.data[0] : one.reason.code));
    assert.deepEqual(told, [3, 'lane_crashed', 4]);
    const { crashed, retried } = served.registry.find('divide_safe').statistics.lanes;
    assert.deepEqual({ crashed, retried }, { crashed: 2, retried: 3 });
  });

  it('that is killed from outside during a run is replaced, and the run repeated', async () => {
    const [before] = await lanesOf(process.pid, served, 'slow_safe');
    const answer = served.infer('slow_safe', slowInputs(3_000));
    await waitFor('the run', () => served.registry.find('slow_safe').queue.running === 1, { everyMs: 1 });
    process.kill(before!, 'SIGKILL');
    const { batch, outputs } = await answer;
    assert.notEqual(batch.lane, `process-${before}`);
    assert.deepEqual([...(outputs[0]?.data ?? [])], [1, 2, 3, 4]);
  });

  it('that does not end its run is killed once nobody waits for it, and replaced', async () => {
    const [stuck] = await lanesOf(process.pid, served, 'slow');
    await assert.rejects(served.infer('slow', slowInputs(1e9), { deadlineAt: performance.now() + 150 }), {
      code: 'deadline_exceeded',
    });
    const { batch } = await served.infer('slow', slowInputs(1));
    assert.notEqual(batch.lane, `process-${stuck}`);
    await waitFor('the end of the killed lane', () => !isAlive(stuck!));
    assert.equal(served.registry.healthy, true);
    assert.equal(served.registry.find('slow').statistics.lanes.stuck, 1);
  });

  it('that crashes again and again has its model left alone for a while, then tried', async () => {
    for (let crash = 0; crash < 3; crash += 1) {
      await assert.rejects(served.infer('fragile', trap), { code: 'lane_crashed' });
    }
    await assert.rejects(
      served.infer('fragile', division(6, 2)),
      ({ code, retryAfterMs }) => code === 'circuit_open' && retryAfterMs > 0 && retryAfterMs <= 500,
    );
    const { outputs } = await waitFor('the breaker to let one through', () =>
      served.infer('fragile', division(6, 2)).catch((error) => {
        if (error.code !== 'circuit_open') throw error;
        return undefined;
      }),
    );
    assert.equal(outputs[0]?.data[0], 3);
    assert.equal(served.registry.find('fragile').breakerState, 'closed');
  });

  it('opens no connection, and has ONNX Runtime’s uploader switched off in the environment that native code sees', async function () {
    if (process.platform !== 'linux') this.skip();
    for (const pid of await lanesOf(process.pid, served, 'divide')) {
      assert.match(await readFile(`/proc/${pid}/environ`, 'latin1'), /(^|\0)ORT_DISABLE_TELEMETRY=1\0/);
      assert.deepEqual(await internetSocketsOf(pid), []);
    }
    await using threads = await serveModels({ perceptron: { onnx: perceptron() } });
    const report = process.report.getReport() as { environmentVariables: Record<string, string> };
    assert.equal(report.environmentVariables.ORT_DISABLE_TELEMETRY, '1');
    assert.equal(threads.registry.models()[0]?.state, 'ready');
    assert.deepEqual(await internetSocketsOf(process.pid), []);
  });
});

describe('the environment of a process lane', function () {
  this.timeout(60_000);

  it('holds none of the service’s secrets', async function () {
    if (process.platform !== 'linux') this.skip();
    process.env.OTEL_EXPORTER_OTLP_HEADERS = 'authorization=canary';
    try {
      await using served = await serveModels({ divide: { onnx: divide(), manifest: { lanes: inProcess } } });
      const [pid] = await lanesOf(process.pid, served, 'divide');
      const environment = await readFile(`/proc/${pid}/environ`, 'latin1');
      assert.match(environment, /(^|\0)PATH=/);
      assert.doesNotMatch(environment, /canary/);
    } finally {
      delete process.env.OTEL_EXPORTER_OTLP_HEADERS;
    }
  });
});

describe('a thread lane', function () {
  this.timeout(60_000);

  it('leaves the event loop free while it loads a big model and while it runs', async () => {
    await using served = await serveModels({ slow: { onnx: slow() } });
    await writeModel(served.folder, 'big', perceptron({ widths: [64, 3000, 3000, 10] }));
    const ticksDuring = async (work: Promise<unknown>) => {
      let ticks = 0;
      const clock = setInterval(() => {
        ticks += 1;
      }, 5);
      await work;
      clearInterval(clock);
      return ticks;
    };
    const loading = await ticksDuring(served.registry.load('big'));
    const running = await ticksDuring(served.infer('slow', slowInputs(5_000)));
    assert.ok(loading >= 5 && running >= 50, `${loading} ticks while loading, ${running} in a run of about a second`);
  });

  it('that does not end its run is replaced once; with a second the process should be, until they end after all', async () => {
    await using served = await serveModels({
      slow: { onnx: slow(), manifest: { lanes: { stuck_after_ms: 50 } } },
      other: { onnx: slow() },
    });
    const { registry } = served;
    const stick = () => served.infer('slow', slowInputs(12_000), { deadlineAt: performance.now() + 100 });
    await assert.rejects(stick(), { code: 'deadline_exceeded' });
    await waitFor('the first to be abandoned', () => registry.abandonedLanes === 1, { everyMs: 5 });
    assert.equal(registry.healthy, true);
    await served.infer('slow', slowInputs(1));
    await assert.rejects(stick(), { code: 'deadline_exceeded' });
    await waitFor('the second to be abandoned', () => registry.abandonedLanes === 2, { everyMs: 5 });
    assert.equal(registry.healthy, false);
    await served.infer('other', slowInputs(1));
    await served.infer('slow', slowInputs(1));
    assert.equal(registry.healthy, true);
    await waitFor('both to end', () => registry.abandonedLanes === 0);
  });

  it('that is stuck is waited for at the end, since the process could not exit', async () => {
    const served = await serveModels({ slow: { onnx: slow(), manifest: { lanes: { stuck_after_ms: 50 } } } });
    await assert.rejects(served.infer('slow', slowInputs(4_000), { deadlineAt: performance.now() + 60 }), {
      code: 'deadline_exceeded',
    });
    await waitFor('it to be abandoned', () => served.registry.abandonedLanes === 1, { everyMs: 5 });
    await served[Symbol.asyncDispose]();
    assert.equal(served.registry.abandonedLanes, 0);
  });

  it('that crashes takes the process with it', async () => {
    await using folder = await temporaryFolder();
    await writeModel(folder.path, 'divide', divide());
    const service = run(folder.path, 'trap');
    const [, signal] = await once(service, 'exit');
    assert.equal(signal, 'SIGFPE');
  });
});

describe('lanes', function () {
  this.timeout(60_000);

  it('do not outlive a service that is killed, not even in the middle of a run', async () => {
    await using folder = await temporaryFolder();
    await writeModel(folder.path, 'slow', slow(), { manifest: { lanes: inProcess } });
    const service = run(folder.path, 'endless');
    await once(service.stdout!, 'data');
    const children = await childrenOf(service.pid!);
    assert.equal(children.length, 1);
    // Into the run, which is endless.
    await waitFor('the run to take the processor', async () => (await cpuTicksOf(children[0]!)) > 30);
    service.kill('SIGKILL');
    await waitFor('the lane to end', () => !isAlive(children[0]!));
  });

  it('end at once when the service was gone before they had begun', async () => {
    const program = join(import.meta.dirname, '../../src/engine/lanes/lane-program.ts');
    // It is started in the name of another process, as if its own had died and init had taken it
    // over.
    const lane = fork(program, ['1'], { execArgv: [], stdio: 'ignore' });
    assert.deepEqual(await once(lane, 'exit'), [null, 'SIGKILL']);
  });

  it('are as many as the manifest says, and run side by side', async () => {
    await using served = await serveModels({
      slow: { onnx: slow(), manifest: { lanes: { kind: 'process', count: 2 } } },
    });
    const answers = await Promise.all([1, 2].map(() => served.infer('slow', slowInputs(1_500))));
    assert.equal(new Set(answers.map(({ batch }) => batch.lane)).size, 2);
  });

  it('that cannot be opened say why', async () => {
    const graph = new Graph('unknown');
    graph.input('x', 'FP32', [1]);
    graph.node('NoSuchOperator', ['x'], { name: 'y' });
    graph.output('y', 'FP32', [1]);
    for (const kind of ['thread', 'process']) {
      await using served = await serveModels({ unknown: { onnx: writeOnnx(graph), manifest: { lanes: { kind } } } });
      const [status] = served.registry.models();
      assert.equal(status?.state, 'unavailable');
      assert.match(status.reason, /^Cannot open .*model\.onnx: .*NoSuchOperator/);
    }
  });
});

function run(models: string, what: string): ChildProcess {
  return spawn(process.execPath, [join(import.meta.dirname, 'run-model.ts'), models, what], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** The model's lanes by process id: children of this process that answer under the model's name. */
async function lanesOf(parent: number, served: Served, model: string): Promise<number[]> {
  const inputs = model.startsWith('slow') ? slowInputs(1) : division(6, 2);
  const { batch } = await served.infer(model, inputs);
  const pid = Number(batch.lane.replace('process-', ''));
  assert.ok((await childrenOf(parent)).includes(pid));
  return [pid];
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => statOf(Number(pid))));
  return stats.filter((stat) => stat && Number(stat[1]) === parent).map((stat) => Number(stat?.[0]));
}

/**
 * Fields of /proc/<pid>/stat: pid, then those behind the name from ppid on (proc(5): fields 1, 4, 5
 * …).
 */
async function statOf(pid: number): Promise<string[] | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => undefined);
  return text === undefined ? undefined : [String(pid), ...text.slice(text.lastIndexOf(')') + 4).split(' ')];
}

async function cpuTicksOf(pid: number): Promise<number> {
  return Number((await statOf(pid))?.[11] ?? 0);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function internetSocketsOf(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const links = await Promise.all((await readdir(folder)).map((fd) => readlink(join(folder, fd)).catch(() => '')));
  const inodes = new Set(links.map((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1]).filter(Boolean));
  const found: string[] = [];
  for (const table of ['tcp', 'tcp6', 'udp', 'udp6']) {
    const lines = (await readFile(`/proc/${pid}/net/${table}`, 'latin1').catch(() => '')).split('\n').slice(1);
    found.push(...lines.filter((line) => inodes.has(line.trim().split(/\s+/)[9])));
  }
  return found;
}

/** Holds `elements` numbers for so many rounds. */
function hungry(): Uint8Array {
  const graph = new Graph('hungry');
  graph.input('elements', 'INT64', [1]);
  graph.input('rounds', 'INT64', []);
  const start = graph.node('ConstantOfShape', ['elements'], { name: 'start' });
  const body = new Graph('hungry_body');
  body.input('round', 'INT64', []);
  body.input('going', 'BOOL', []);
  body.input('before', 'FP32', ['elements']);
  const one = body.constant('one', 'FP32', [], [1]);
  body.node('Add', ['before', one], { name: 'more', outputs: ['after'] });
  body.node('Identity', ['going'], { name: 'go_on', outputs: ['still_going'] });
  body.output('still_going', 'BOOL', []);
  body.output('after', 'FP32', ['elements']);
  const result = graph.node('Loop', ['rounds', '', start], {
    name: 'rounds',
    outputs: ['result'],
    attributes: { body },
  });
  graph.node('ReduceMean', [result], { name: 'mean', outputs: ['y'], attributes: { keepdims: 0 } });
  graph.output('y', 'FP32', []);
  return writeOnnx(graph);
}
