import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { readWav } from '../../src/tasks/audio/read-wav.ts';
import { fixtureSound, type TaskRunner, taskRunner, uploaded } from './task-runner.ts';

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

  it('says which models there are when the one that is asked for is not', async () => {
    await assert.rejects(
      runner.run({
        kind: 'separate',
        parameters: { model_name: 'htdemucs_6s' },
        files: [await uploaded(fixtureSound('speech.wav'))],
      }),
      { code: 'model_not_found', message: /use one of: harmonic-percussive/ },
    );
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
