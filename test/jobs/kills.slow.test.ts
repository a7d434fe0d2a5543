import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { choosePort } from '../../launcher/free-port.ts';
import { bareEnvironment } from '../../testkit/bare-environment.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { startService } from '../../testkit/service-process.ts';
import { ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { readLogs } from '../receiver/told-telemetry.ts';

/**
 * `npm run kills` does two hundred. The same seed kills at the same moments of a life, and sends
 * the same.
 */
const kills = Number(process.env.VITRINE_KILLS ?? 12);
const seed = Number(process.env.VITRINE_KILLS_SEED ?? 1);

/**
 * ARCHITECTURE.md: a hard kill can lose what was recorded in the last second; the test's machine
 * works for others too.
 */
const lostMsMax = 3_000;

describe('a service that is killed again and again', () => {
  it(`ends every accepted job once, keeps every result it acknowledged and loses no telemetry of before the last second, in ${kills} kills`, async function () {
    this.timeout(120_000 + kills * 30_000);
    await using data = await temporaryFolder();
    const random = randomFrom(seed);
    const collector = await Collector.start();
    const client = new Client(random);
    const env = {
      VITRINE_DATA: data.path,
      VITRINE_MODELS: ourModels,
      VITRINE_MODEL_CONTROL: 'explicit',
      VITRINE_LOAD_MODELS: 'gaussian-field',
      VITRINE_TASKS_PER_MINUTE_MAX: '100000',
      // These processes end by us, not by their jobs.
      VITRINE_JOB_INTERRUPTIONS_MAX: '10000',
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    };
    const killedAt: number[] = [];
    const startedAt = performance.now();
    for (let life = 1; life <= kills; life += 1) {
      collector.answerFor(random());
      const port = await choosePort('127.0.0.1');
      const { child, exited } = run({ ...env, VITRINE_PORT: String(port) });
      const url = `http://127.0.0.1:${port}`;
      // One in four is killed while it starts, the others while they work.
      if (random() < 0.25) await pause(random() * 3_000);
      else {
        await waitFor('the service', async () => child.exitCode !== null || (await fetch(`${url}/ready`)).ok, {
          deadlineMs: 120_000,
        });
        const working = client.work(url);
        // Some live until a result has been acknowledged, which takes long on a machine that does much
        // else.
        const before = client.results.size;
        if (random() < 0.5)
          await waitFor('a result', () => client.results.size > before, { deadlineMs: 20_000, everyMs: 20 }).catch(
            () => undefined,
          );
        await pause(random() * 1_000);
        kill(child);
        await working;
      }
      kill(child);
      killedAt.push(Date.now());
      await exited;
      if (life % 20 === 0) console.log(`${life} kills after ${Math.round((performance.now() - startedAt) / 1000)} s`);
    }

    collector.answerFor(0);
    await using service = await startService(env);
    await client.sendAgain(service.url);
    const jobs = await waitFor(
      'all jobs to end',
      async () => {
        const found = await list(service.url);
        return found.every(({ state }) => state === 'done' || state === 'cancelled') && found;
      },
      { deadlineMs: 120_000, everyMs: 500 },
    );
    // Each that was accepted is there, each once, and nothing else is.
    assert.deepEqual(jobs.map(({ id }) => id).sort(), [...client.accepted.values()].sort());
    for (const [id, digest] of client.results) assert.equal(await digestOf(service.url, id), digest);
    for (const { id, state } of jobs)
      if (state === 'done') assert.ok(await digestOf(service.url, id), `job ${id} is done and has no result`);
      else assert.ok(client.cancelled.has(id), `job ${id} was cancelled by nobody`);

    assert.equal(await service.kill('SIGTERM'), 0);
    assert.doesNotMatch(/Telemetry of vitrine: .*/.exec(service.said())?.[0] ?? 'missing', /missing/);
    let untold = 0;
    for (const { id, state, ended_at } of jobs) {
      const ends = collector.ends.get(id) ?? new Set();
      assert.ok(ends.size <= 1, `job ${id} ended as ${[...ends].join(' and ')}`);
      if (ends.size === 1) assert.ok(ends.has(state), `job ${id} is ${state} and was told as ${[...ends]}`);
      else {
        untold += 1;
        const endedAt = Date.parse(ended_at);
        assert.ok(
          killedAt.some((at) => at >= endedAt && at - endedAt <= lostMsMax),
          `the end of job ${id} at ${ended_at} was not told, and nobody was killed right after it`,
        );
      }
    }
    const attempts = jobs.reduce((sum, { attempt }) => sum + attempt, 0);
    console.log(
      `${kills} kills (seed ${seed}): ${jobs.length} jobs, ${attempts} attempts, ${client.results.size} results acknowledged before a kill and all there, ${untold} ends untold (each within the last seconds of a life)`,
    );
    collector.stop();
  });
});

type ListedJob = { id: string; state: string; attempt: number; ended_at: string };

/**
 * Sends jobs, cancels some, and takes the results of others; whatever was acknowledged to it is
 * remembered.
 */
class Client {
  readonly accepted = new Map<string, string>();
  readonly cancelled = new Set<string>();
  /** By job, the digest of what was answered. */
  readonly results = new Map<string, string>();
  readonly #random: () => number;
  #sent = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Goes on until nobody answers any more. */
  async work(url: string): Promise<void> {
    try {
      for (;;) {
        const key = `key-${this.#sent}`;
        this.#sent += 1;
        const id = await this.#send(url, key);
        if (this.#random() < 0.1) await this.#cancel(url, id);
        for (const job of await list(url)) {
          if (job.state !== 'done' || this.results.has(job.id)) continue;
          const digest = await digestOf(url, job.id);
          assert.ok(digest, `job ${job.id} is done and has no result`);
          this.results.set(job.id, digest);
        }
        await pause(20 + this.#random() * 300);
      }
    } catch (error) {
      // Killed; an answer that is wrong is none of that.
      if (error instanceof assert.AssertionError) throw error;
    }
  }

  /** A client without an answer sends it again, and gets the same job if there is one. */
  async sendAgain(url: string): Promise<void> {
    for (let n = 0; n < this.#sent; n += 1) {
      const key = `key-${n}`;
      const before = this.accepted.get(key);
      const id = await this.#send(url, key);
      if (before !== undefined) assert.equal(id, before);
    }
  }

  async #send(url: string, key: string): Promise<string> {
    const answer = await fetch(`${url}/v1/microstructure`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Prefer: 'respond-async', 'Idempotency-Key': key },
      body: JSON.stringify({ size: 64, samples: 1, steps: 20, seed: Number(key.slice(4)), format: 'npy' }),
    });
    const text = await answer.text();
    assert.equal(answer.status, 202, text);
    const { id } = JSON.parse(text) as { id: string };
    this.accepted.set(key, id);
    return id;
  }

  async #cancel(url: string, id: string): Promise<void> {
    this.cancelled.add(id);
    await fetch(`${url}/v1/jobs/${id}/cancel`, { method: 'POST' });
  }
}

/**
 * A receiving end of OTLP that is down in some lives, and knows which ends of jobs it has
 * acknowledged.
 */
class Collector {
  readonly ends = new Map<string, Set<string>>();
  readonly #receiver: OtlpReceiver;

  private constructor(receiver: OtlpReceiver) {
    this.#receiver = receiver;
    const receive = receiver.receive.bind(receiver);
    receiver.receive = (signal, request, reply) => {
      receive(signal, request, reply);
      if (signal === 'logs' && receiver.answer === 'accept') this.#note(request);
    };
  }

  static async start(): Promise<Collector> {
    return new Collector(await OtlpReceiver.start());
  }

  get port(): number {
    return this.#receiver.port;
  }

  /** For a number from 0 to 1: it takes all, refuses all for now, or answers nothing. */
  answerFor(chance: number): void {
    this.#receiver.answer = chance < 0.6 ? 'accept' : chance < 0.8 ? { code: 14 } : 'hang';
  }

  stop(): void {
    this.#receiver.stop();
  }

  #note(request: Buffer): void {
    for (const { attributes } of readLogs(request)) {
      if (attributes.event_type !== 'job_ended') continue;
      const id = String(attributes['job.id']);
      this.ends.set(id, (this.ends.get(id) ?? new Set()).add(String(attributes.status)));
    }
  }
}

function run(env: Record<string, string>): { child: ChildProcess; exited: Promise<unknown> } {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/main.ts')], {
    env: { ...bareEnvironment, ...env },
    stdio: 'ignore',
  });
  return { child, exited: once(child, 'exit') };
}

function kill(child: ChildProcess): void {
  child.kill('SIGKILL');
}

async function list(url: string): Promise<ListedJob[]> {
  const all: ListedJob[] = [];
  for (let path: string | undefined = '/v1/jobs?limit=1000'; path !== undefined; ) {
    const page = (await (await fetch(`${url}${path}`)).json()) as { jobs: ListedJob[]; next?: string };
    all.push(...page.jobs);
    path = page.next;
  }
  return all;
}

/** Of the result's bytes; undefined where there is none. */
async function digestOf(url: string, id: string): Promise<string | undefined> {
  const answer = await fetch(`${url}/v1/jobs/${id}/result`);
  const bytes = Buffer.from(await answer.arrayBuffer());
  return answer.ok && bytes.length > 0 ? createHash('sha256').update(bytes).digest('hex') : undefined;
}

/** The same numbers from 0 to 1 for the same seed (mulberry32). */
function randomFrom(from: number): () => number {
  let state = from;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
