import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { readWav } from '../../src/audio/read-wav.ts';
import { writeWav } from '../../src/audio/write-wav.ts';
import { fixedSeparator } from '../../testkit/models/separators.ts';
import { fixtureSound } from '../../testkit/task-runner.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { post, type ServedApi, serveApi } from '../api/serve-api.ts';
import { form, formBytes, nothingLeft, serveTasks, somethingThere, unzip } from './serve-tasks.ts';

describe('tasks over HTTP', () => {
  let api: ServedApi;
  let chord: Buffer;
  let speech: Buffer;
  before(async function () {
    this.timeout(60_000);
    api = await serveTasks('harmonic-percussive,procedural-synthesizer,gaussian-field,dnsmos,silero-vad');
    chord = await readFile(fixtureSound('chord-and-clicks.wav'));
    speech = await readFile(fixtureSound('speech.wav'));
  });
  after(() => api[Symbol.asyncDispose]());

  const upload = (path: string, body: FormData, headers: Record<string, string> = {}) =>
    api.fetch(path, { method: 'POST', body, headers });
  const send = (path: string, parameters: unknown, headers: Record<string, string> = {}) =>
    api.fetch(path, { method: 'POST', body: JSON.stringify(parameters), headers });

  for (const path of ['/v1/separate', '/separate'])
    it(`separates at ${path} into a zip of stems named after them`, async () => {
      const answer = await upload(path, form([{ name: 'chord.wav', bytes: chord }]));
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get('content-type'), 'application/zip');
      const stems = unzip(Buffer.from(await answer.arrayBuffer()));
      assert.deepEqual([...stems.keys()], ['harmonic.wav', 'percussive.wav']);
      for (const stem of stems.values())
        assert.equal(readWav(stem).channels[0]?.length, readWav(chord).channels[0]?.length);
      await nothingLeft(api);
    });

  for (const [name, rate] of [
    ['stereo.wav', 44_100],
    ['stereo.flac', 44_100],
    ['stereo.mp3', 44_100],
    ['vorbis.ogg', 44_100],
    ['opus.ogg', 48_000],
    ['stereo.aiff', 44_100],
  ] as const)
    it(`takes ${name}, and its stems are as long and as wide as it`, async () => {
      const bytes = await readFile(fixtureSound(`formats/${name}`));
      // Recognised by its content, not by its name.
      const answer = await upload('/v1/separate', form([{ name: 'upload', bytes }]));
      assert.equal(answer.status, 200, answer.ok ? '' : await answer.text());
      for (const stem of unzip(Buffer.from(await answer.arrayBuffer())).values()) {
        const { channels, sampleRateHz } = readWav(stem);
        assert.deepEqual([sampleRateHz, ...channels.map(({ length }) => length)], [rate, 11_025, 11_025]);
      }
    });

  it('answers with one stem where one is asked for, by form or by query', async () => {
    const byForm = await upload('/v1/separate', form([{ name: 'x.wav', bytes: chord }], { stem: 'percussive' }));
    const byQuery = await upload('/v1/separate?stem=percussive', form([{ name: 'x.wav', bytes: chord }]));
    assert.equal(byForm.headers.get('content-type'), 'audio/wav');
    const bytes = Buffer.from(await byForm.arrayBuffer());
    assert.deepEqual(Buffer.from(await byQuery.arrayBuffer()), bytes);
    assert.equal(readWav(bytes).sampleRateHz, 44_100);
  });

  it('makes those stems that are named, in their order, each once', async () => {
    for (const [stems, wanted] of [
      ['percussive', ['percussive.wav']],
      ['percussive, harmonic,percussive', ['percussive.wav', 'harmonic.wav']],
    ] as const) {
      const answer = await upload('/v1/separate', form([{ name: 'x.wav', bytes: chord }], { stems }));
      assert.deepEqual([...unzip(Buffer.from(await answer.arrayBuffer())).keys()], wanted);
    }
  });

  it('answers with links to the stems where JSON is asked for', async () => {
    const answer = await upload('/v1/separate', form([{ name: 'x.wav', bytes: chord }]), {
      Accept: 'application/json',
    });
    assert.equal(answer.status, 200);
    const { stems, files } = (await answer.json()) as { stems: string[]; files: { name: string; href: string }[] };
    assert.deepEqual(stems, ['harmonic', 'percussive']);
    const harmonic = files.find(({ name }) => name === 'harmonic.wav');
    const wav = Buffer.from(await (await api.fetch(harmonic?.href ?? '')).arrayBuffer());
    assert.equal(readWav(wav).channels[0]?.length, readWav(chord).channels[0]?.length);
  });

  it('becomes a job where the caller would rather not wait', async () => {
    const accepted = await send(
      '/v1/generate',
      { prompt: 'a bell', duration_seconds: 0.1 },
      { Prefer: 'respond-async' },
    );
    assert.equal(accepted.status, 202);
    const { links } = (await accepted.json()) as { links: { self: string } };
    const sound = await waitFor('the job’s sound', async () => {
      const answer = await api.fetch(`${links.self}/result`);
      return answer.ok && Buffer.from(await answer.arrayBuffer());
    });
    assert.equal(readWav(sound).channels[0]?.length, 4410);
  });

  it('says what it did in the headers: facts, where the time went, what is left of the quota, and the trace', async () => {
    const answer = await send('/v1/generate', { prompt: 'a bright bell', duration_seconds: 0.2 });
    assert.equal(answer.status, 200);
    const facts = JSON.parse(answer.headers.get('x-vitrine-facts') ?? '');
    assert.deepEqual(facts.understood, ['bright', 'bell']);
    assert.match(answer.headers.get('ratelimit') ?? '', /^"tasks";r=\d+;t=\d+$/);
    assert.match(answer.headers.get('traceresponse') ?? '', /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    assert.equal(readWav(Buffer.from(await answer.arrayBuffer())).channels[0]?.length, 8820);
  });

  it('gives a microstructure as a picture, an array or JSON, by Accept', async () => {
    const wish = { alloy: 'Inconel-718', size: 32, steps: 20, seed: 3 };
    const picture = Buffer.from(await (await send('/v1/microstructure', wish)).arrayBuffer());
    assert.equal(picture.toString('latin1', 1, 4), 'PNG');
    const array = await send('/v1/microstructure', wish, { Accept: 'application/octet-stream' });
    assert.equal(Buffer.from(await array.arrayBuffer()).toString('latin1', 1, 6), 'NUMPY');
    const json = (await (await send('/v1/microstructure', wish, { Accept: 'application/json' })).json()) as {
      model_accuracy: number;
      measured: { volume_fraction: number };
      phases: number[][][];
    };
    assert.equal(json.phases[0]?.length, 32);
    assert.ok(json.model_accuracy > 0.5 && json.model_accuracy <= 1);
    const ones = json.phases.flat(2).reduce((sum, phase) => sum + phase, 0);
    assert.ok(Math.abs(ones / 1024 - json.measured.volume_fraction) < 1e-9);
    const neither = await send('/v1/microstructure', wish, { Accept: 'text/html' });
    assert.equal(neither.status, 406);
  });

  it('scores a degraded sound against its reference, and says why there is no PESQ', async () => {
    const noisy = await readFile(fixtureSound('speech-in-noise.wav'));
    const answer = await upload(
      '/v1/score',
      form([
        { name: 'noisy.wav', bytes: noisy },
        { field: 'reference', name: 'clean.wav', bytes: speech },
      ]),
    );
    const { files, not_available } = (await answer.json()) as {
      files: { name: string; dnsmos: { overall: number }; against_reference: { snr_db: number; stoi: number } }[];
      not_available: Record<string, string>;
    };
    assert.equal(files[0]?.name, 'noisy.wav');
    assert.ok(Math.abs((files[0]?.against_reference.snr_db ?? 0) - 5) < 0.01);
    assert.ok(Math.abs((files[0]?.against_reference.stoi ?? 0) - 0.907) < 0.005);
    assert.ok((files[0]?.dnsmos.overall ?? 0) > 1);
    assert.match(not_available.pesq ?? '', /licence/);
  });

  it('ranks several sounds, the cleaner one first, by weights of the caller’s', async () => {
    const noisy = await readFile(fixtureSound('speech-in-noise.wav'));
    const files = [
      { name: 'noisy.wav', bytes: noisy },
      { name: 'clean.wav', bytes: speech },
    ];
    const answer = await upload('/v1/score', form(files, { weights: '{"dnsmos": 2, "clipping": 1}' }));
    const { ranking, weights } = (await answer.json()) as {
      ranking: { rank: number; name: string; topsis: number }[];
      weights: unknown;
    };
    assert.deepEqual(weights, { dnsmos: 2, clipping: 1 });
    assert.deepEqual(
      ranking.map(({ rank, name }) => [rank, name]),
      [
        [1, 'clean.wav'],
        [2, 'noisy.wav'],
      ],
    );
  });

  it('finds the speech in a sound', async () => {
    const { segments, speech_ratio: ratio } = (await (
      await upload('/v1/speech', form([{ name: 's.wav', bytes: speech }]))
    ).json()) as {
      segments: { start_seconds: number }[];
      speech_ratio: number;
    };
    assert.equal(segments.length, 2);
    assert.ok(ratio > 0.6 && ratio < 0.8);
  });

  it('answers 404 for a model that is not there and lists those that are', async () => {
    const answer = await upload('/separate', form([{ name: 'x.wav', bytes: chord }], { model_name: 'htdemucs_6s' }));
    assert.equal(answer.status, 404);
    const { error, code } = (await answer.json()) as { error: string; code: string };
    assert.equal(code, 'model_not_found');
    assert.match(error, /use one of: harmonic-percussive/);
    await nothingLeft(api);
  });

  it('gives a task up when its caller leaves, and leaves nothing behind', async () => {
    const leaving = new AbortController();
    const gone = api.fetch('/v1/microstructure', {
      method: 'POST',
      body: JSON.stringify({ size: 512, steps: 1000 }),
      signal: leaving.signal,
    });
    setTimeout(() => leaving.abort(), 150);
    await assert.rejects(gone);
    await nothingLeft(api);
    assert.equal((await send('/v1/generate', { prompt: 'a bell', duration_seconds: 0.1 })).status, 200);
  });

  it('answers 504 when the time that the caller allows is over', async () => {
    const answer = await send('/v1/microstructure', { size: 512, steps: 1000 }, { 'X-Request-Timeout-Ms': '150' });
    assert.equal(answer.status, 504);
    await nothingLeft(api);
  });
});

describe('the limits of tasks', () => {
  it('are ten a minute for each client, told with every answer', async () => {
    await using api = await serveTasks('procedural-synthesizer', { tasksPerMinuteMax: 2 });
    const ask = () =>
      api.fetch('/v1/generate', { method: 'POST', body: JSON.stringify({ prompt: 'a bell', duration_seconds: 0.1 }) });
    const answers = [await ask(), await ask(), await ask()];
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 429],
    );
    assert.equal(answers[0]?.headers.get('ratelimit'), '"tasks";r=1;t=30');
    assert.equal(answers[2]?.headers.get('ratelimit-policy'), '"tasks";q=2;w=60');
    assert.ok(Number(answers[2]?.headers.get('retry-after')) > 0);
  });

  it('turn away who comes while all threads are taken and as many wait as may', async () => {
    await using api = await serveTasks('gaussian-field,procedural-synthesizer', {
      tasksRunningMax: 1,
      tasksWaitingMax: 1,
    });
    const ask = () =>
      api.fetch('/v1/microstructure', { method: 'POST', body: JSON.stringify({ size: 256, steps: 60 }) });
    const statuses = await Promise.all([ask(), ask(), ask()].map(async (answer) => (await answer).status));
    assert.deepEqual(statuses.sort(), [200, 200, 503]);
  });
});

describe('a caller who stops reading', () => {
  it('is dropped, whether a task or a job made what is sent, and nothing of it is kept open', async () => {
    const separator = { stems: ['vocals', 'accompaniment'], channels: 2, chunk_samples: 262_144, fade_samples: 4096 };
    const model = { onnx: fixedSeparator(2, 270_336), manifest: { separator } };
    await using api = await serveApi({ half: model }, { tasksPerMinuteMax: 100_000, bodyIdleMsMax: 500 });
    // More than both ends of a connection hold for each other.
    const seconds = 100;
    const channel = new Float32Array(seconds * 44_100).fill(0.1);
    const wav = writeWav({ sampleRateHz: 44_100, channels: [channel, channel] });
    const parameters = { model_name: 'half', stem: 'vocals', encoding: 'float32' };
    const { headers, bytes } = await formBytes(form([{ name: 'x.wav', bytes: wav }], parameters));
    const whole = 58 + 2 * 4 * channel.length;

    const stuck = readsNothing(api, post('/v1/separate', bytes, headers));
    await somethingThere(api);
    await nothingLeft(api);
    assert.ok((await stuck.rest()) < whole);

    const answer = await api.fetch('/v1/separate', {
      method: 'POST',
      headers: { ...headers, Accept: 'application/json' },
      body: Uint8Array.from(bytes),
    });
    const { files } = (await answer.json()) as { files: { name: string; href: string; size_bytes: number }[] };
    const vocals = files.find(({ name }) => name === 'vocals.wav');
    assert.equal(vocals?.size_bytes, whole);
    const open = async () =>
      (
        await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')))
      ).filter((path) => path.endsWith('vocals.wav')).length;
    const reader = readsNothing(api, Buffer.from(`GET ${vocals?.href} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`));
    await waitFor('the file to be opened', async () => (await open()) === 1, { everyMs: 5 });
    await waitFor('the file to be closed', async () => (await open()) === 0);
    assert.ok((await reader.rest()) < whole);
  });
});

/**
 * A connection that asks and does not read; `rest` reads what there is, and says how many bytes it
 * was.
 */
function readsNothing(api: ServedApi, request: Buffer): { rest(): Promise<number> } {
  const socket = connect(api.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(request);
  return {
    rest: async () => {
      let bytes = 0;
      socket.on('data', (piece) => (bytes += piece.length));
      socket.resume();
      if (!socket.closed) await once(socket, 'close');
      return bytes;
    },
  };
}
