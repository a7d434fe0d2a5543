import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { compileShim, type Shim } from '../../testkit/gpu/shim.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const deadline = { deadlineMs: 60_000, everyMs: 20 };

describe('GPU readings on their way out, from a shim (no GPU)', function () {
  this.timeout(180_000);
  let shim: Shim;
  let receiver: OtlpReceiver;
  let data: Awaited<ReturnType<typeof temporaryFolder>>;
  let running: ServiceProcess | undefined;

  before(async function () {
    shim = availableOrSkip(this, await compileShim());
  });

  after(() => shim?.[Symbol.asyncDispose]());

  beforeEach(async () => {
    receiver = await OtlpReceiver.start();
    data = await temporaryFolder();
  });

  afterEach(async () => {
    await running?.[Symbol.asyncDispose]();
    receiver.stop();
    await data[Symbol.asyncDispose]();
    await shim.answer({});
  });

  /** The library is found as on a machine with a GPU: by its name, where the loader looks. */
  const start = async (env: Record<string, string> = {}): Promise<ServiceProcess> => {
    running = await startService({
      ...shim.env,
      LD_LIBRARY_PATH: shim.folder,
      VITRINE_DATA: data.path,
      VITRINE_GPU_PERIOD_MS: '100',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
      OTEL_METRIC_EXPORT_INTERVAL: '200',
      ...env,
    });
    return running;
  };
  const arrived = (text: string) => receiver.received.some((request) => request.includes(text));

  it('arrive with name, labels and value', async () => {
    await start();
    const request = await waitFor(
      'the metrics',
      () => receiver.received.find((each) => each.includes('hw.power')),
      deadline,
    );
    for (const text of [
      'hw.gpu.utilization',
      'hw.energy',
      'hw.errors',
      'GPU-shim-0000',
      'Shim 0 (no GPU)',
      'corrected',
    ]) {
      assert.ok(request.includes(text), text);
    }
    const watts = Buffer.alloc(8);
    watts.writeDoubleLE(71.234);
    assert.ok(request.includes(watts), 'the power, in watts');
  });

  it('stop when the device is lost, instead of repeating its last values', async () => {
    await start();
    await waitFor('the metrics', () => arrived('hw.power'), deadline);
    await shim.answer({ lost: 1 });
    await waitFor('its loss', () => running?.said().includes('fallen off the bus'), deadline);
    await waitFor(
      'three exports without it',
      () => {
        const last = receiver.received.filter((each) => each.includes('vitrine.heartbeat.timestamp')).slice(-3);
        return last.length === 3 && last.every((each) => !each.includes('GPU-shim-0000'));
      },
      deadline,
    );
  });

  it('hold nobody up when the driver hangs: requests are answered, and the process ends when it is told to', async () => {
    const process = await start();
    await waitFor('the metrics', () => arrived('hw.power'), deadline);
    const [reader] = await readersOf(process.pid);
    await shim.answer({ 'hang.utilization': 3_600 });
    await waitFor('old values to be left out', () => withoutGpu(receiver), deadline);
    for (let count = 0; count < 20; count += 1) {
      assert.equal((await fetch(`${process.url}/live`, { signal: AbortSignal.timeout(10_000) })).status, 200);
    }
    assert.equal(await process.kill('SIGTERM'), 0);
    await waitFor('the end of the reader', () => isGone(reader), deadline);
  });

  it('leave no process behind when the service is killed while the driver hangs', async () => {
    const process = await start();
    await waitFor('the metrics', () => arrived('hw.power'), deadline);
    const [reader] = await readersOf(process.pid);
    assert.ok(reader);
    await shim.answer({ 'hang.utilization': 3_600 });
    await waitFor('old values to be left out', () => withoutGpu(receiver), deadline);
    await process.kill('SIGKILL');
    await waitFor('the end of the reader', () => isGone(reader), deadline);
  });

  it('say once what is wrong, however often it is tried again', async () => {
    await shim.answer({ 'crash.init': 1 });
    const process = await start({ VITRINE_GPU_PERIOD_MS: '50' });
    const readers = new Set<number>();
    await waitFor(
      'a fourth reader',
      async () => {
        for (const each of await readersOf(process.pid)) readers.add(each);
        return readers.size >= 4;
      },
      deadline,
    );
    assert.equal(linesWith(process, 'GPU').length, 1, process.said());
    assert.match(process.said(), /Cannot read the GPUs: the process that reads them is gone \(it ended by SIGABRT/);
    await shim.answer({});
    await waitFor('the metrics', () => arrived('hw.power'), deadline);
    assert.equal(linesWith(process, 'GPU').length, 2, process.said());
  });

  it('cost nothing where there is no library: no process, nothing loaded, and one line at level debug', async () => {
    const process = await start({
      LD_LIBRARY_PATH: '',
      VITRINE_NVML_LIBRARY: 'libvitrine-none.so.1',
      LOG_LEVEL: 'debug',
    });
    await waitFor(
      'two exports',
      () => receiver.received.filter((each) => each.includes('heartbeat')).length >= 2,
      deadline,
    );
    assert.deepEqual(await readersOf(process.pid), []);
    assert.ok(!(await readFile(`/proc/${process.pid}/maps`, 'utf8')).includes('koffi'));
    assert.ok(!arrived('hw.gpu'));
    const lines = linesWith(process, 'GPU');
    assert.equal(lines.length, 1, process.said());
    assert.match(lines[0] ?? '', / debug app No GPU is read/);
  });

  it('stay away when they are switched off', async () => {
    const process = await start({ VITRINE_GPU: 'false', LOG_LEVEL: 'debug' });
    await waitFor(
      'two exports',
      () => receiver.received.filter((each) => each.includes('heartbeat')).length >= 2,
      deadline,
    );
    assert.deepEqual(await readersOf(process.pid), []);
    assert.ok(!arrived('hw.gpu'));
    assert.deepEqual(linesWith(process, 'GPU'), []);
  });
});

function withoutGpu(receiver: OtlpReceiver): boolean {
  const last = receiver.received.filter((each) => each.includes('vitrine.heartbeat.timestamp')).at(-1);
  return last !== undefined && !last.includes('GPU-shim-0000');
}

function linesWith(process: ServiceProcess, word: string): string[] {
  return process
    .said()
    .split('\n')
    .filter((line) => line.includes(word));
}

/** Its children that read GPUs, by their command lines. */
async function readersOf(pid: number): Promise<number[]> {
  const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ');
  const readers: number[] = [];
  for (const child of children) {
    if (child !== '' && (await commandOf(Number(child))).includes('reader-program')) readers.push(Number(child));
  }
  return readers;
}

async function isGone(pid: number | undefined): Promise<boolean> {
  return pid !== undefined && !(await commandOf(pid)).includes('reader-program');
}

/** Empty when there is no such process any more. */
async function commandOf(pid: number): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
