import assert from 'node:assert/strict';
import { openAsBlob } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wavHead } from '../../src/audio/write-wav.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { type MemoryCgroup, memoryCgroup } from '../../testkit/memory-cgroup.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { flacBomb, opusBomb } from '../../testkit/sound-bombs.ts';
import { fixtureSound, ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

// Every input here is small as a request and large in memory where nothing bounds it. The service
// with all its threads has 2 GiB.

const limitBytes = 2 * 2 ** 30;
/** Just above what is taken below: 0.9 GB of floats, which twice over are too much. */
const samplesMax = 240_000_000;
const minutesMs = 600_000;

describe('a service with 2 GiB of memory', function () {
  this.timeout(2 * minutesMs);

  let stack: AsyncDisposableStack;
  let cgroup: MemoryCgroup;
  let service: ServiceProcess;
  let folder: string;
  before(async function () {
    stack = new AsyncDisposableStack();
    cgroup = stack.use(availableOrSkip(this as never, await memoryCgroup(limitBytes)));
    folder = stack.use(await temporaryFolder()).path;
    service = stack.use(
      await startService(
        {
          VITRINE_DATA: join(folder, 'data'),
          VITRINE_MODELS: ourModels,
          VITRINE_MODEL_CONTROL: 'explicit',
          VITRINE_LOAD_MODELS: 'silero-vad',
          VITRINE_AUDIO_SAMPLES_MAX: String(samplesMax),
          VITRINE_TASKS_PER_MINUTE_MAX: '1000',
          VITRINE_TASK_MS_MAX: String(minutesMs),
          OTEL_SDK_DISABLED: 'true',
        },
        { within: cgroup },
      ),
    );
  });
  afterEach(async () => {
    assert.equal(await cgroup.kills(), 0, 'the kernel has ended a process');
    assert.equal((await fetch(`${service.url}/ready`)).status, 200);
    // Work of others is done beside and after it.
    const { status } = await send('/v1/speech', fixtureSound('speech.wav'));
    assert.equal(status, 200);
  });
  after(() => stack.disposeAsync());

  const refused = ({ status, body }: End) => {
    assert.equal(status, 413, body);
    assert.match(body, /VITRINE_AUDIO_SAMPLES_MAX.*"audio_too_long"/);
  };
  const failed = ({ status, body }: End) => {
    assert.equal(status, 409, body);
    assert.match(body, /the job failed with audio_too_long.*VITRINE_AUDIO_SAMPLES_MAX.*"job_failed"/);
  };
  const bomb = { sampleRateHz: 384_000, channels: 8, seconds: 590 };

  it('refuses a FLAC file of 129 KB with 1.8 × 10⁹ samples to speech and scoring, as a request and as a job', async () => {
    const path = join(folder, 'bomb.flac');
    await writeFile(path, flacBomb(bomb));
    for (const route of ['/v1/speech', '/v1/score']) {
      const [answer, job] = await Promise.all([send(route, path), sendAsJob(route, path)]);
      refused(answer);
      failed(job);
    }
  });

  it('refuses one that does not say so in its head as soon as it has made too many', async () => {
    const path = join(folder, 'bomb.flac');
    await writeFile(path, flacBomb({ ...bomb, declares: false }));
    failed(await sendAsJob('/v1/score', path));
  });

  it('scores 94 MB of WAV with 8 bits a sample, and a minute of eight channels of Opus at the same time', async () => {
    const [wav, opus] = [join(folder, 'heavy.wav'), join(folder, 'heavy.opus')];
    await writeHeavyWav(wav);
    await writeFile(opus, opusBomb({ channels: 8, seconds: 60 }));
    const ends = await Promise.all([sendAsJob('/v1/score', wav), send('/v1/score', opus)]);
    for (const { status, body } of ends) {
      assert.equal(status, 200, body);
      assert.equal(JSON.parse(body).files[0].channels, 8);
    }
  });

  it('finds speech in ten minutes of eight channels of FLAC', async () => {
    const path = join(folder, 'heavy.flac');
    await writeFile(path, flacBomb({ ...bomb, sampleRateHz: 48_000 }));
    const { status, body } = await send('/v1/speech', path);
    assert.equal(status, 200, body);
    assert.ok(Math.abs(JSON.parse(body).duration_seconds - 590) < 2, body);
  });

  type End = { readonly status: number; readonly body: string };

  async function send(path: string, file: string, headers: Record<string, string> = {}): Promise<End> {
    const body = new FormData();
    body.set('file', await openAsBlob(file), 'sound');
    const answer = await fetch(`${service.url}${path}`, { method: 'POST', body, headers });
    return { status: answer.status, body: await answer.text() };
  }

  /** The same as a job: what its result is answered with. */
  async function sendAsJob(path: string, file: string): Promise<End> {
    const accepted = await send(path, file, { Prefer: 'respond-async' });
    assert.equal(accepted.status, 202, accepted.body);
    const { id } = JSON.parse(accepted.body);
    const ended = async () => {
      const { state } = (await (await fetch(`${service.url}/v1/jobs/${id}`)).json()) as { state: string };
      return state === 'done' || state === 'failed';
    };
    await waitFor('the job to end', ended, { deadlineMs: minutesMs });
    const answer = await fetch(`${service.url}/v1/jobs/${id}/result`);
    return { status: answer.status, body: await answer.text() };
  }
});

/** Eight channels at 50 kHz; a sparse file. */
async function writeHeavyWav(path: string): Promise<void> {
  const [channels, sampleRateHz, seconds] = [8, 50_000, 236];
  const frames = sampleRateHz * seconds;
  const head = Buffer.from(wavHead({ encoding: 'pcm16', channels, sampleRateHz, frames: frames / 2 }));
  head.writeUInt16LE(8, 34);
  head.writeUInt16LE(channels, 32);
  await using file = await open(path, 'w');
  await file.write(head);
  await file.truncate(head.length + frames * channels);
}
