import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identify } from '../../../launcher/process-identity.ts';
import { readState, StateFile } from '../../../launcher/stack-state.ts';
import { newApiKey } from '../../../src/api/access/api-keys.ts';
import { OtlpReceiver } from '../../../testkit/otlp-receiver.ts';
import { type ServiceProcess, startService } from '../../../testkit/service-process.ts';
import { ourModels } from '../../../testkit/task-runner.ts';
import { type ReceiverProcess, startReceiver } from '../../receiver/receiver-process.ts';
import { readLogs } from '../../receiver/told-telemetry.ts';
import { alertmanagerWebhook } from '../../receiver/webhook.ts';
import type { Ground, Scenario } from '../scenario.ts';

/**
 * The real service and receiver, whole. The service takes a job while the Collector is down, does
 * it, changes its keys and stops; the receiver takes an alert; a launcher writes its state. Started
 * again, they have all three. What ends by itself is started again, as a supervisor would.
 */
export const serviceScenario: Scenario = {
  name: 'service',
  durations: ['lasting', 'second'],
  patienceMs: 1_500,
  deadlineMs: 60_000,
  byNameOnly: true,
  async run(ground) {
    const { alias, until, disk, said } = ground;
    const [one, two] = [newApiKey('one'), newApiKey('one')];
    const writeKeys = async (keys: unknown[]) => {
      await writeFile(join(alias, 'keys.new'), JSON.stringify({ keys }), { mode: 0o600 });
      await rename(join(alias, 'keys.new'), join(alias, 'keys.json'));
    };
    await writeKeys([one.entry]);
    const collector = await OtlpReceiver.start();
    const logs = listenForLogs(collector);
    collector.answer = { code: 14 };
    await using lives = new Lives(ground, collector.port);
    try {
      await lives.begin();
      const state = await writesState(ground);
      const delivery = await takesAlert(ground, collector.port);
      let id = '';
      await until('the job to be accepted', async () => {
        const answer = await lives.ask('/v1/microstructure', one.key, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', Prefer: 'respond-async', 'Idempotency-Key': 'job' },
          body: JSON.stringify({ size: 32, samples: 1, steps: 4, seed: 1, format: 'npy' }),
        });
        if (answer?.status !== 202) return false;
        id = (JSON.parse(answer.text) as { id: string }).id;
        return true;
      });
      const hasResult = (key: string) => async () => {
        const answer = await lives.ask(`/v1/jobs/${id}/result`, key);
        if (answer?.status !== 200) {
          assert.notEqual(answer?.status, 404, 'an accepted job is there');
          return false;
        }
        // The same numbers each time: what the first run on a disk that works made is right.
        expected ??= answer.bytes;
        assert.ok(answer.bytes.equals(expected), 'the result is whole');
        return true;
      };
      await until('the result', hasResult(one.key));

      await writeKeys([two.entry]);
      await until('the new key', async () => (await lives.ask('/v1/jobs', two.key))?.status === 200);
      await until('the old key to be refused', async () => (await lives.ask('/v1/jobs', one.key))?.status === 401);
      await lives.ask('/health/detailed', two.key);
      await lives.stop();

      collector.answer = 'accept';
      await lives.begin();
      await until('the result after a restart', hasResult(two.key));
      await hasAlert(ground, collector.port, delivery);
      await until('the state of the launcher', () => readsState(alias, state));
      await until('the only job', async () => {
        const answer = await lives.ask('/v1/jobs', two.key);
        if (answer?.status !== 200) return false;
        const jobs = (JSON.parse(answer.text) as { jobs: { id: string; state: string }[] }).jobs;
        assert.deepEqual(
          jobs.map((job) => [job.id, job.state]),
          [[id, 'done']],
        );
        return true;
      });
      // What waited is exported before the end, if the disk can be read.
      const ends = () =>
        logs.filter(({ attributes }) => attributes.event_type === 'job_ended' && attributes['job.id'] === id);
      if (!disk.wasLasting || !lives.hasDropped)
        await until('the record of the end of the job', async () => {
          await lives.ask('/health', two.key);
          return ends().length > 0 || lives.wasCutShort;
        });
      await lives.ask('/health/detailed', two.key);
      await lives.stop();
      assert.ok(new Set(ends().map(({ attributes }) => attributes.status)).size <= 1, 'a job ends once');
      assert.ok(logs.length >= lives.exported, 'what was exported has arrived');
      assert.ok(existsSync(join(alias, 'service', 'jobs.sqlite')));
      // Whether a file is there may be asked in vain without anything being the worse for it, and half of
      // a file is read on.
      if (
        disk.wasLasting &&
        !disk.wasShort &&
        disk.failedKinds.some((kind) => !['stat', 'unlink', 'mkdir'].includes(kind))
      )
        assert.match(`${said.join('\n')}\n${lives.said}`, trouble, 'it says what was wrong');
    } finally {
      collector.stop();
    }
  },
};

/** The state that a launcher wrote last, which the next one has to find. */
async function writesState({ folder, said }: Ground): Promise<number> {
  const file = new StateFile(folder, (sentence) => said.push(sentence));
  const launcher = (await identify(process.pid))!;
  for (const startedAtMs of [1, 2]) file.write({ launcher, startedAtMs, settled: true, ports: {}, components: [] });
  await file.close();
  return 2;
}

function readsState(folder: string, startedAtMs: number): boolean {
  try {
    return readState(folder)?.startedAtMs === startedAtMs;
  } catch {
    return false;
  }
}

const alertName = 'DiskFaults';

/** Whether the receiver acknowledged an alert: the disk may have been mended for it. */
async function takesAlert(ground: Ground, collectorPort: number): Promise<boolean> {
  let isTaken = false;
  await withReceiver(ground, collectorPort, async (receiver) => {
    const { status } = await receiver.post('/alerts', alertmanagerWebhook({ labels: { alertname: alertName } }));
    isTaken = status < 300;
    return isTaken;
  });
  return isTaken;
}

async function hasAlert(ground: Ground, collectorPort: number, isTaken: boolean): Promise<void> {
  await withReceiver(ground, collectorPort, async (receiver) => {
    const names = (await receiver.firing()).map(({ name }) => name);
    return !isTaken || names.includes(alertName);
  });
}

/** Does it until it succeeds, with a receiver that is started again where it ended. */
async function withReceiver(
  ground: Ground,
  collectorPort: number,
  act: (receiver: ReceiverProcess) => Promise<boolean>,
): Promise<void> {
  const { folder, start, until, said } = ground;
  const begin = () =>
    start(() =>
      startReceiver({
        LD_PRELOAD: process.env.LD_PRELOAD!,
        VITRINE_FAILING_DISK: process.env.VITRINE_FAILING_DISK!,
        VITRINE_DATA: folder,
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collectorPort}`,
      }),
    );
  let receiver = await begin();
  try {
    await until('the receiver', async () => {
      try {
        return await act(receiver);
      } catch (error) {
        if (error instanceof assert.AssertionError) throw error;
        said.push(`${receiver.said().slice(-500)} ${(error as Error).message}`);
        await receiver[Symbol.asyncDispose]();
        receiver = await begin();
        return false;
      }
    });
    await receiver.kill('SIGTERM');
  } finally {
    said.push(receiver.said());
    await receiver[Symbol.asyncDispose]();
  }
}

let expected: Buffer | undefined;
const trouble = /EIO|ENOSPC|EMFILE|EACCES|EBUSY|disk I\/O|disk is full|unable to open|readonly database|not_kept/;

type Answer = { status: number; text: string; bytes: Buffer };

/** The processes of one service, one after the other. */
class Lives implements AsyncDisposable {
  readonly #ground: Ground;
  readonly #collectorPort: number;
  #service: ServiceProcess | undefined;
  /**
   * What the lives that ended have said on their consoles, and what they answered to those who were
   * refused.
   */
  said = '';
  /** Log records that the service believes to have brought to the Collector. */
  exported = 0;
  /** Telemetry was given up, with its word in the ledger. */
  hasDropped = false;
  /** A life ended without a stop: records of its last second may be gone. */
  wasCutShort = false;
  #spooled: number | undefined = 0;

  constructor(ground: Ground, collectorPort: number) {
    this.#ground = ground;
    this.#collectorPort = collectorPort;
  }

  async begin(): Promise<void> {
    const { folder, disk, start, patienceMs } = this.#ground;
    this.#service = await start(async () => {
      // A service that stands still on a disk that fails goes on when that is mended.
      const mend = setTimeout(() => disk.isLasting && disk.mend(), patienceMs + 5_000);
      try {
        return await startService({
          LD_PRELOAD: process.env.LD_PRELOAD!,
          VITRINE_FAILING_DISK: process.env.VITRINE_FAILING_DISK!,
          NODE_COMPILE_CACHE: join(tmpdir(), 'vitrine-faults-compiled'),
          VITRINE_DATA: folder,
          VITRINE_API_KEYS_FILE: join(folder, 'keys.json'),
          VITRINE_MODELS: ourModels,
          VITRINE_MODEL_CONTROL: 'explicit',
          VITRINE_LOAD_MODELS: 'gaussian-field',
          VITRINE_TASKS_PER_MINUTE_MAX: '1000',
          VITRINE_STOP_NOTICE_MS: '0',
          OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${this.#collectorPort}`,
        });
      } catch (error) {
        assert.match((error as Error).message, /did not start: \S/, 'it says why it does not start');
        throw error;
      } finally {
        clearTimeout(mend);
      }
    });
  }

  /** Undefined where nobody answered; a service that ended by itself is started again. */
  async ask(path: string, key: string, init: RequestInit = {}): Promise<Answer | undefined> {
    const service = this.#service!;
    try {
      const answer = await fetch(`${service.url}${path}`, {
        ...init,
        headers: { ...init.headers, Authorization: `Bearer ${key}` },
      });
      const bytes = Buffer.from(await answer.arrayBuffer());
      const text = bytes.toString('utf8');
      if (answer.status >= 500 || path.startsWith('/health')) this.said += `${path}: ${text}\n`;
      return { status: answer.status, text, bytes };
    } catch {
      if (service.hasEnded()) {
        this.#ground.said.push(`The service ended by itself: ${service.said().slice(-2_000)}`);
        await this.#bury(service);
        await this.begin();
      }
      return undefined;
    }
  }

  async stop(): Promise<void> {
    const service = this.#service!;
    const { disk } = this.#ground;
    const mend = setTimeout(() => disk.isLasting && disk.mend(), 10_000);
    const code = await service.kill('SIGTERM');
    clearTimeout(mend);
    await this.#bury(service);
    assert.equal(code, 0, `it stops in order: ${service.said().slice(-2_000)}`);
  }

  /** Looks at what a life leaves in the books, which the next has to find. */
  async #bury(service: ServiceProcess): Promise<void> {
    this.#service = undefined;
    const text = service.said();
    this.said += text;
    assert.ok(text.trim().length > 0, 'a service that ends says something');
    const ledger = /Telemetry of vitrine: (.*)/.exec(text)?.[1];
    if (ledger === undefined) {
      this.wasCutShort = true;
      this.#spooled = undefined;
      return;
    }
    assert.doesNotMatch(ledger, /missing|in memory/, 'nothing is gone without its word in the ledger');
    const logs = /logs: ([^;]*)/.exec(ledger)?.[1] ?? '';
    const count = (word: string) => Number(new RegExp(`(\\d+) ${word}`).exec(logs)?.[1] ?? 0);
    if (this.#spooled !== undefined)
      assert.equal(count('recovered'), this.#spooled, `what was spooled is found again: ${ledger}`);
    this.#spooled = count('spooled');
    this.exported += count('exported');
    this.hasDropped ||= /dropped/.test(ledger);
    if (!this.#ground.disk.wasLasting)
      assert.doesNotMatch(ledger, /dropped/, 'a disk that fails for a second loses nothing');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service?.[Symbol.asyncDispose]();
  }
}

function listenForLogs(collector: OtlpReceiver): ReturnType<typeof readLogs> {
  const logs: ReturnType<typeof readLogs> = [];
  const receive = collector.receive.bind(collector);
  collector.receive = (signal, request, reply) => {
    if (signal === 'logs' && collector.answer === 'accept') logs.push(...readLogs(request));
    receive(signal, request, reply);
  };
  return logs;
}
