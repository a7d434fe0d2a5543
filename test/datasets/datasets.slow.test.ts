import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readWav } from '../../src/audio/read-wav.ts';
import { writeWav } from '../../src/audio/write-wav.ts';
import type { DatasetReport } from '../../src/datasets/dataset-report.ts';
import { datasetCommand } from '../../testkit/dataset-command.ts';
import { fixtureSound, ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('a dataset', () => {
  it('is scored with a ranking and reasons; again, only what is new or changed is done', async function () {
    this.timeout(120_000);
    await using at = await someFolders();
    await badFiles(at.sounds);
    await sounds(at.sounds, { 'a/clean.wav': 'speech.wav', 'b/noisy.wav': 'speech-in-noise.wav' });
    await sounds(at.references, { 'a/clean.wav': 'speech.wav', 'b/noisy.wav': 'speech.wav' });
    const run = () =>
      datasetCommand(
        ['score', at.sounds, '--name', 'trial', '--references', at.references, '--weights', 'dnsmos=2,stoi=1'],
        at.env,
      );

    const first = await run().ended();
    assert.equal(first.code, 0);
    assert.deepEqual([first.summary.success, first.summary.excluded, first.summary.failed], [2, 5, 0]);
    assert.deepEqual(first.summary.weights, { dnsmos: 2, stoi: 1 });
    const report = await at.report('trial', 'score');
    assert.deepEqual(
      report.rows.slice(0, 2).map(({ file, rank, topsis }) => [file, rank, topsis]),
      [
        ['a/clean.wav', 1, 1],
        ['b/noisy.wav', 2, 0],
      ],
    );
    const codes = Object.fromEntries(report.rows.flatMap(({ file, code }) => (code ? [[file, code]] : [])));
    assert.deepEqual(codes, {
      '=formula.wav': 'media_not_supported',
      'cut.wav': 'invalid_audio',
      'empty.flac': 'invalid_audio',
      'nan.wav': 'invalid_audio',
      'nothing.wav': 'invalid_audio',
    });
    for (const { reason } of report.rows.slice(2)) assert.match(reason ?? '', /^Cannot read the file/);
    const csv = await readFile(join(at.data, 'datasets/trial/score/report.csv'), 'utf8');
    assert.equal(csv.split('\r\n').length, 9);
    assert.match(csv, /^,'=formula\.wav,excluded,/m);
    const page = await readFile(join(at.data, 'datasets/trial/score/report.html'), 'utf8');
    assert.match(page, /<h2>Ranking<\/h2>/);
    assert.ok(page.indexOf('<h2>Excluded and failed</h2>') < page.indexOf('<h2>Ranking</h2>'));
    assert.match(page, /<p>4 excluded \(invalid_audio\), 1 excluded \(media_not_supported\)\.<\/p>/);
    assert.match(page, /<figcaption>STOI<\/figcaption>/);
    assert.match(page, /DNSMOS, overall: median/);
    assert.doesNotMatch(page, /<script|src=|href=|url\(/);
    assert.deepEqual((await readdir(join(at.data, 'datasets/trial/score'))).sort(), [
      'report.csv',
      'report.html',
      'report.json',
      'state.jsonl',
    ]);

    // One is mended, and one reference is another.
    await copyFile(fixtureSound('speech.wav'), join(at.sounds, 'cut.wav'));
    await utimes(join(at.references, 'b/noisy.wav'), 1, 1);
    const again = run();
    const second = await again.ended();
    assert.deepEqual([second.summary.success, second.summary.excluded], [3, 4]);
    assert.match(again.said(), /2 of 2 .* 5 done before/);
  });

  it('keeps what is done when it is broken off or killed, and goes on from there', async function () {
    this.timeout(120_000);
    await using at = await someFolders();
    await sounds(at.sounds, Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`${n}.wav`, 'speech.wav'])));
    const out = join(at.data, 'datasets/trial/score');
    const doneIn = async () =>
      (await readFile(join(out, 'state.jsonl'), 'utf8')).split('\n').filter((line) => line.includes('"success"'))
        .length;
    const run = () => datasetCommand(['score', at.sounds, '--name', 'trial', '--workers', '1'], at.env);

    const broken = run();
    await waitFor('something to be done', async () => (await doneIn()) > 0, { everyMs: 20 });
    broken.child.kill('SIGINT');
    const { code, summary } = await broken.ended();
    assert.equal(code, 130);
    assert.equal(summary.complete, false);
    const kept = await doneIn();
    assert.ok(kept > 0 && kept < 6 && summary.success === kept);

    const killed = run();
    await waitFor('more to be done', async () => (await doneIn()) > kept, { everyMs: 20 });
    killed.child.kill('SIGKILL');
    await assert.rejects(killed.ended());
    const before = await doneIn();
    // As if the kill had come in the middle of a line.
    await writeFile(join(out, 'state.jsonl'), '{"id":"5.wav","sta', { flag: 'a' });

    const last = run();
    const ended = await last.ended();
    assert.deepEqual([ended.code, ended.summary.complete, ended.summary.success], [0, true, 6]);
    assert.match(last.said(), new RegExp(`${6 - before} of ${6 - before} .* ${before} done before`));
  });

  it('is enhanced: one stem of every sound, under its path', async function () {
    this.timeout(120_000);
    await using at = await someFolders();
    await sounds(at.sounds, { 'deep/er/chord.wav': 'chord-and-clicks.wav' });
    await badFiles(at.sounds);
    const { code, summary } = await datasetCommand(['enhance', at.sounds, '--name', 'trial'], at.env).ended();
    assert.deepEqual([code, summary.success, summary.excluded], [0, 1, 5]);
    const out = join(at.data, 'datasets/trial/enhance');
    const [row] = (await at.report('trial', 'enhance')).rows.filter(({ status }) => status === 'success');
    const before = readWav(await readFile(fixtureSound('chord-and-clicks.wav')));
    const after = readWav(await readFile(join(out, 'files', row?.output ?? '')));
    assert.equal(row?.output, 'deep/er/chord.wav.harmonic.wav');
    assert.equal(after.channels[0]?.length, before.channels[0]?.length);
    assert.notDeepEqual(after.channels[0], before.channels[0]);
  });

  it('that cannot be worked on is refused in a sentence, with an exit code', async function () {
    this.timeout(60_000);
    await using at = await someFolders();
    for (const [given, said] of [
      [['score', join(at.data, 'nowhere'), '--name', 'x'], /nowhere is not there; name the folder/],
      [['score', at.sounds, '--name', 'x'], /there is no sound in/],
      [['score', at.sounds, '--name', '../x'], /give another --name/],
      [['score', at.sounds, '--name', 'x', '--weights', 'beauty=1'], /Cannot use the weight "beauty=1"/],
    ] as const) {
      const command = datasetCommand(given, at.env);
      await assert.rejects(command.ended(), /ended with 1/);
      assert.match(command.said(), said);
    }
  });
});

async function someFolders() {
  const folder = await temporaryFolder();
  const at = (name: string) => join(folder.path, name);
  for (const name of ['sounds', 'references', 'data']) await mkdir(at(name));
  return {
    sounds: at('sounds'),
    references: at('references'),
    data: at('data'),
    env: { VITRINE_DATA: at('data'), VITRINE_MODELS: ourModels },
    report: async (name: string, operation: string): Promise<DatasetReport> =>
      JSON.parse(await readFile(join(at('data'), 'datasets', name, operation, 'report.json'), 'utf8')),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

async function sounds(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, name] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await copyFile(fixtureSound(name), join(folder, path));
  }
}

/** Five that cannot be taken, and two that are no samples at all. */
async function badFiles(folder: string): Promise<void> {
  const whole = await readFile(fixtureSound('speech.wav'));
  const nan = { sampleRateHz: 16_000, channels: [new Float32Array(16_000).fill(Number.NaN)] };
  await writeFile(join(folder, '=formula.wav'), 'plain text');
  await writeFile(join(folder, 'cut.wav'), whole.subarray(0, 20_000));
  await writeFile(join(folder, 'empty.flac'), '');
  await writeFile(join(folder, 'nan.wav'), writeWav(nan, 'float32'));
  await writeFile(join(folder, 'nothing.wav'), writeWav({ sampleRateHz: 16_000, channels: [new Float32Array(0)] }));
  await writeFile(join(folder, 'README.txt'), 'about the sounds');
  await writeFile(join(folder, '.hidden.wav'), 'x');
}
