import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readWav } from '../../src/audio/read-wav.ts';
import { resample } from '../../src/audio/resample.ts';
import { writeWav } from '../../src/audio/write-wav.ts';
import { shortTimeIntelligibility } from '../../src/tasks/quality/intelligibility.ts';
import { scaleInvariantDistortionDb } from '../../src/tasks/quality/scale-invariant-distortion.ts';
import type { FileScores } from '../../src/tasks/quality/score-file.ts';
import { segmentalSignalToNoiseDb, signalToNoiseDb } from '../../src/tasks/quality/signal-to-noise.ts';
import { silence } from '../../src/tasks/quality/silence.ts';
import { fixtureSound, type TaskRunner, taskRunner, uploaded } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { sound } from '../models/reference-sounds.ts';

describe('a task', () => {
  let runner: TaskRunner;
  before(async function () {
    this.timeout(60_000);
    runner = await taskRunner('harmonic-percussive,procedural-synthesizer,gaussian-field,silero-vad');
  });
  after(() => runner[Symbol.asyncDispose]());

  it('makes a sound from a prompt, the same bytes for the same seed', async () => {
    const parameters = { prompt: 'a bright bell', duration_seconds: 0.5, seed: 7 };
    const [one, same, other] = await Promise.all(
      [parameters, parameters, { ...parameters, seed: 8 }].map(async (given) => {
        const { file } = await runner.run({ kind: 'generate', parameters: given });
        return readFile(file);
      }),
    );
    assert.deepEqual(one, same);
    assert.notDeepEqual(one, other);
    assert.equal(readWav(one as Buffer).channels[0]?.length, 22_050);
  });

  it('separates a sound into stems that are as long as it and sum to it', async () => {
    const file = await uploaded(fixtureSound('chord-and-clicks.wav'));
    const { parts } = await runner.run({ kind: 'separate', parameters: { encoding: 'float32' }, files: [file] });
    const input = readWav(await readFile(file.path)).channels[0] as Float32Array;
    assert.deepEqual(
      parts?.map(({ name }) => name),
      ['harmonic.wav', 'percussive.wav'],
    );
    const [harmonic, percussive] = await Promise.all(
      (parts ?? []).map(async (part) => readWav(await readFile(part.file)).channels[0]),
    );
    input.forEach((sample, at) => {
      const sum = (harmonic?.[at] ?? Number.NaN) + (percussive?.[at] ?? Number.NaN);
      assert.ok(Math.abs(sum - sample) < 1e-5, `${at}: ${sum}, wanted ${sample}`);
    });
  });

  it('finds the speech in a sound', async () => {
    const { facts } = await runner.run({
      kind: 'speech',
      parameters: {},
      files: [await uploaded(fixtureSound('speech.wav'))],
    });
    assert.equal((facts.segments as unknown[]).length, 2);
  });

  it('scores a sound against a reference of another rate, in pieces, as in one', async () => {
    await using folder = await temporaryFolder();
    const noisy = sound('speech-in-noise');
    const clean = resample(sound('speech'), 16_000, 22_050);
    const [file, reference] = [join(folder.path, 'noisy.wav'), join(folder.path, 'clean.wav')];
    await writeFile(file, writeWav({ sampleRateHz: 16_000, channels: [noisy, noisy] }, 'float32'));
    await writeFile(reference, writeWav({ sampleRateHz: 22_050, channels: [clean] }, 'float32'));
    const told: number[][] = [];
    const { facts } = await runner.run(
      { kind: 'score', parameters: {}, files: [await uploaded(file), await uploaded(reference, 'reference')] },
      { progress: (done, total) => told.push([done, total]) },
    );
    const [scores] = facts.files as FileScores[];
    const other = resample(noisy, 16_000, 22_050);
    const against = scores?.against_reference;
    for (const [given, wanted] of [
      [against?.snr_db, signalToNoiseDb(clean, other)],
      [against?.segmental_snr_db, segmentalSignalToNoiseDb(clean, other, 22_050)],
      [against?.si_sdr_db, scaleInvariantDistortionDb(clean, other)],
      [against?.stoi, shortTimeIntelligibility(clean, other, 22_050)],
      [scores?.silence_ratio, silence({ channels: [noisy, noisy], sampleRateHz: 16_000 }).ratio],
      [scores?.duration_seconds, noisy.length / 16_000],
    ])
      assert.ok(Math.abs((given as number) - (wanted as number)) < 1e-9, `${given}, wanted ${wanted}`);
    const seconds = Math.round(noisy.length / 1600) / 10;
    assert.deepEqual(told.at(-1), [seconds, seconds]);
  });

  it('of scoring tells how many seconds of all its files are done, file by file and within each', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'long.wav');
    await writeFile(path, writeWav({ sampleRateHz: 8000, channels: [new Float32Array(30 * 8000).fill(0.1)] }));
    const told: (readonly [number, number, string])[] = [];
    const files = [await uploaded(path), await uploaded(path)];
    await runner.run({ kind: 'score', parameters: {}, files }, { progress: (...each) => told.push(each) });
    assert.ok(told.length > 6, `${told.length}`);
    assert.ok(
      told.every(([done, total, step], at) => done >= (told[at - 1]?.[0] ?? 0) && total === 60 && step === 'seconds'),
    );
    assert.ok(told.some(([done]) => done > 0 && done < 30) && told.some(([done]) => done > 30 && done < 60));
    assert.deepEqual(told.at(-1), [60, 60, 'seconds']);
  });

  it('says which models there are when the one that is asked for is not, to those who may know them', async () => {
    const request = {
      kind: 'separate',
      parameters: { model_name: 'htdemucs_6s' },
      files: [await uploaded(fixtureSound('speech.wav'))],
    } as const;
    await assert.rejects(runner.run(request, { mayName: () => true }), {
      code: 'model_not_found',
      message: /use one of: harmonic-percussive/,
    });
    await assert.rejects(runner.run(request), {
      code: 'model_not_found',
      message: /use one that POST \/v2\/repository\/index lists/,
    });
  });

  it('is given up as soon as nobody waits for it', async () => {
    const gone = new AbortController();
    const running = runner.run(
      { kind: 'microstructure', parameters: { steps: 1000, size: 256 } },
      { signal: gone.signal, progress: () => gone.abort() },
    );
    await assert.rejects(running, { code: 'caller_gone' });
    assert.deepEqual(runner.threads.load, { running: 0, waiting: 0 });
  });

  it('ends with its deadline, and the next one is done', async () => {
    const late = runner.run(
      { kind: 'microstructure', parameters: { steps: 1000, size: 512 } },
      { deadlineAt: performance.now() + 200 },
    );
    await assert.rejects(late, { code: 'deadline_exceeded' });
    const { facts } = await runner.run({
      kind: 'microstructure',
      parameters: { alloy: 'cast-iron', steps: 20, size: 32 },
    });
    assert.equal(facts.alloy, 'cast-iron');
  });
});
