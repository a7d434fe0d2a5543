import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { writeWav } from '../../src/audio/write-wav.ts';
import { fixtureSound } from '../../testkit/task-runner.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { post, type ServedApi, sendRaw } from '../api/serve-api.ts';
import { form, nothingLeft, serveTasks, somethingThere } from './serve-tasks.ts';

type Refused = { status: number; code: string; says: RegExp };

const wav = (frames: number, channels = 1, sampleRateHz = 8000) =>
  writeWav({ sampleRateHz, channels: Array.from({ length: channels }, () => new Float32Array(frames).fill(0.1)) });

describe('a task that cannot be taken is refused in words, and leaves nothing on disk:', () => {
  let api: ServedApi;
  let sound: Buffer;
  before(async function () {
    this.timeout(60_000);
    sound = await readFile(fixtureSound('chord-and-clicks.wav'));
    api = await serveTasks('harmonic-percussive,procedural-synthesizer,gaussian-field,dnsmos,silero-vad', {
      uploadBytesMax: 400_000,
      uploadFilesMax: 3,
      audioSecondsMax: 20,
      scoreSecondsMax: 20,
      bodyIdleMsMax: 400,
    });
  });
  after(() => api[Symbol.asyncDispose]());

  const upload = (path: string, body: FormData) => () => api.fetch(path, { method: 'POST', body });
  const send =
    (path: string, body: unknown, headers = {}) =>
    () =>
      api.fetch(path, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
  const file = (bytes: Uint8Array, name = 'sound.wav', parameters = {}) => form([{ name, bytes }], parameters);

  const cases: [string, () => Promise<Response>, Refused][] = [
    [
      'a picture named .wav',
      () => upload('/v1/separate', file(Buffer.from('\x89PNG\r\n\x1a\n and more bytes')))(),
      { status: 415, code: 'media_not_supported', says: /send wav, flac, mp3/ },
    ],
    [
      'an archive',
      () => upload('/v1/separate', file(Buffer.from('PK\x03\x04'.padEnd(400))))(),
      { status: 415, code: 'media_not_supported', says: /no sound/ },
    ],
    [
      'half a WAV file',
      () => upload('/v1/separate', file(sound.subarray(0, 50_000)))(),
      { status: 422, code: 'invalid_audio', says: /cut off/ },
    ],
    [
      'an empty file',
      () => upload('/v1/speech', file(new Uint8Array()))(),
      { status: 422, code: 'invalid_audio', says: /empty/ },
    ],
    [
      'a sound of no length',
      () => upload('/v1/score', file(wav(0)))(),
      { status: 422, code: 'invalid_audio', says: /no sound/ },
    ],
    [
      'samples that are no numbers',
      () =>
        upload(
          '/v1/separate',
          file(writeWav({ sampleRateHz: 8000, channels: [new Float32Array(9000).fill(Number.NaN)] }, 'float32')),
        )(),
      { status: 422, code: 'invalid_audio', says: /NaN/ },
    ],
    [
      'a rate of 12 Hz',
      () => upload('/v1/separate', file(wav(100, 1, 12)))(),
      { status: 422, code: 'invalid_audio', says: /12 samples a second/ },
    ],
    [
      '40 channels',
      () => upload('/v1/separate', file(wav(100, 40)))(),
      { status: 422, code: 'invalid_audio', says: /40 channels/ },
    ],
    [
      'a sound that is too long',
      () => upload('/v1/separate', file(wav(21 * 8000)))(),
      { status: 413, code: 'audio_too_long', says: /VITRINE_AUDIO_SECONDS_MAX/ },
    ],
    [
      'a file that is too large',
      () => upload('/v1/separate', file(new Uint8Array(400_001)))(),
      { status: 413, code: 'body_too_large', says: /VITRINE_UPLOAD_BYTES_MAX/ },
    ],
    [
      'a body that declares more than is taken',
      () => upload('/v1/separate', file(new Uint8Array(2_000_000)))(),
      { status: 413, code: 'body_too_large', says: /VITRINE_UPLOAD_BYTES_MAX/ },
    ],
    [
      'two files where one is taken',
      () =>
        upload(
          '/v1/separate',
          form([
            { name: 'a', bytes: sound },
            { name: 'b', bytes: sound },
          ]),
        )(),
      { status: 400, code: 'invalid_input', says: /exactly one/ },
    ],
    [
      'more files than may come',
      () => upload('/v1/score', form(Array.from({ length: 4 }, () => ({ name: 'a', bytes: wav(10) }))))(),
      { status: 400, code: 'invalid_body', says: /VITRINE_UPLOAD_FILES_MAX/ },
    ],
    [
      'no file',
      () => upload('/v1/separate', form([], { stem: 'harmonic' }))(),
      { status: 400, code: 'invalid_input', says: /field "file"/ },
    ],
    [
      'a reference alone',
      () => upload('/v1/score', form([{ field: 'reference', name: 'a', bytes: wav(900) }]))(),
      { status: 400, code: 'invalid_input', says: /at least one/ },
    ],
    [
      'JSON where a form is wanted',
      send('/v1/separate', { file: 'x' }),
      { status: 415, code: 'media_not_supported', says: /multipart/ },
    ],
    [
      'a form without its boundary',
      send('/v1/separate', 'x', { 'Content-Type': 'multipart/form-data' }),
      { status: 400, code: 'invalid_body', says: /boundary/i },
    ],
    [
      'a form that ends in the middle',
      send('/v1/separate', '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nabc', {
        'Content-Type': 'multipart/form-data; boundary=b',
      }),
      { status: 400, code: 'invalid_body', says: /form/ },
    ],
    [
      'a compressed form',
      send('/v1/separate', 'x', { 'Content-Type': 'multipart/form-data; boundary=b', 'Content-Encoding': 'gzip' }),
      { status: 415, code: 'encoding_not_supported', says: /compressed/ },
    ],
    [
      'a job without a file',
      () => api.fetch('/v1/score', { method: 'POST', headers: { Prefer: 'respond-async' }, body: form([]) }),
      { status: 400, code: 'invalid_input', says: /at least one/ },
    ],
    [
      'an unknown stem',
      () => upload('/v1/separate', file(sound, 'x.wav', { stem: 'vocals' }))(),
      { status: 404, code: 'stem_not_found', says: /harmonic, percussive/ },
    ],
    [
      'an unknown model',
      () => upload('/v1/separate', file(sound, 'x.wav', { model_name: 'htdemucs' }))(),
      { status: 404, code: 'model_not_found', says: /harmonic-percussive/ },
    ],
    [
      'a model name that is a path',
      () => upload('/v1/separate', file(sound, 'x.wav', { model_name: '../../etc' }))(),
      { status: 400, code: 'invalid_input', says: /model_name/ },
    ],
    [
      'an unknown parameter',
      () => upload('/v1/separate', file(sound, 'x.wav', { shifts: '3' }))(),
      { status: 400, code: 'invalid_input', says: /shifts/ },
    ],
    [
      'weights that are no JSON',
      () => upload('/v1/score', file(sound, 'x.wav', { weights: '{dnsmos' }))(),
      { status: 400, code: 'invalid_input', says: /weights/ },
    ],
    [
      'a prompt of 10 MB',
      send('/v1/generate', { prompt: 'bell '.repeat(2_000_000) }),
      { status: 413, code: 'body_too_large', says: /bytes/ },
    ],
    [
      'a prompt of 3000 characters',
      send('/v1/generate', { prompt: 'b'.repeat(3000) }),
      { status: 400, code: 'invalid_input', says: /prompt/ },
    ],
    [
      'a prompt of control characters',
      send('/v1/generate', { prompt: 'a bell\u0000\u0007' }),
      { status: 400, code: 'invalid_input', says: /control characters/ },
    ],
    ['no prompt', send('/v1/generate', {}), { status: 400, code: 'invalid_input', says: /prompt/ }],
    [
      'an hour of generated sound',
      send('/v1/generate', { prompt: 'a bell', duration_seconds: 3600 }),
      { status: 400, code: 'invalid_input', says: /duration_seconds/ },
    ],
    ['no steps', send('/v1/microstructure', { steps: 0 }), { status: 400, code: 'invalid_input', says: /steps/ }],
    [
      'a million steps',
      send('/v1/microstructure', { steps: 1e6 }),
      { status: 400, code: 'invalid_input', says: /steps/ },
    ],
    [
      'an unknown alloy',
      send('/v1/microstructure', { alloy: 'Unobtainium' }),
      { status: 400, code: 'invalid_input', says: /Ti-6Al-4V/ },
    ],
    [
      'a size that is no power of two',
      send('/v1/microstructure', { size: 100 }),
      { status: 400, code: 'invalid_input', says: /size/ },
    ],
    [
      'more pixels than are taken',
      send('/v1/microstructure', { size: 512, samples: 64 }),
      { status: 400, code: 'invalid_input', says: /VITRINE_MICROSTRUCTURE_PIXELS_MAX/ },
    ],
    [
      'an alloy and a spectrum',
      send('/v1/microstructure', { alloy: 'AlSi10Mg', spectrum: { kind: 'gaussian', lengthPixels: 4 } }),
      { status: 400, code: 'invalid_input', says: /not both/ },
    ],
    ['something that is no JSON', send('/v1/generate', '{prompt'), { status: 400, code: 'invalid_body', says: /JSON/ }],
    ['a list of parameters', send('/v1/generate', []), { status: 400, code: 'invalid_body', says: /JSON/ }],
    [
      'a deadline that is no number',
      send('/v1/generate', { prompt: 'a bell' }, { 'X-Request-Timeout-Ms': 'soon' }),
      { status: 400, code: 'invalid_request', says: /x-request-timeout-ms/ },
    ],
    [
      'a page of another origin',
      send('/v1/generate', { prompt: 'a bell' }, { Origin: 'https://elsewhere.example' }),
      { status: 403, code: 'forbidden', says: /another origin/ },
    ],
  ];
  for (const [what, ask, { status, code, says }] of cases)
    it(what, async () => {
      const answer = await ask();
      const body = (await answer.json()) as { error: string; code: string; trace_id: string };
      assert.deepEqual({ status: answer.status, code: body.code }, { status, code }, body.error);
      assert.match(body.error, says);
      assert.match(body.error, /^Cannot /);
      assert.match(body.trace_id, /^[0-9a-f]{32}$/);
      await nothingLeft(api);
    });

  const badSounds: [string, () => Uint8Array, Refused][] = [
    [
      'an archive',
      () => Buffer.from('PK\x03\x04'.padEnd(400)),
      { status: 415, code: 'media_not_supported', says: /wav/ },
    ],
    ['half a file', () => sound.subarray(0, 50_000), { status: 422, code: 'invalid_audio', says: /cut off/ }],
    ['no sound', () => wav(0), { status: 422, code: 'invalid_audio', says: /no sound/ }],
    ['too much', () => wav(21 * 8000), { status: 413, code: 'audio_too_long', says: /VITRINE_AUDIO_SECONDS_MAX/ }],
  ];
  for (const [what, bytes, { status, code, says }] of badSounds) {
    it(`${what}, where links are asked for`, async () => {
      const headers = { Accept: 'application/json' };
      const answer = await api.fetch('/v1/separate', { method: 'POST', headers, body: file(bytes()) });
      const body = (await answer.json()) as { error: string; code: string };
      assert.deepEqual({ status: answer.status, code: body.code }, { status, code });
      assert.match(body.error, says);
      await nothingLeft(api);
      assert.deepEqual(await readdir(join(api.data, 'service', 'results')), []);
    });

    it(`${what}, as a job`, async () => {
      const headers = { Prefer: 'respond-async' };
      const accepted = await api.fetch('/v1/separate', { method: 'POST', headers, body: file(bytes()) });
      assert.equal(accepted.status, 202);
      const path = accepted.headers.get('location') ?? '';
      const failed = await waitFor('the job to fail', async () => {
        const job = (await (await api.fetch(path)).json()) as { state: string; failure?: { code: string } };
        return job.state === 'failed' && job;
      });
      assert.equal(failed.failure?.code, code);
      const result = await api.fetch(`${path}/result`);
      assert.equal(result.status, 409);
      assert.match(((await result.json()) as { error: string }).error, says);
      await nothingLeft(api);
      assert.deepEqual(await readdir(join(api.data, 'service', 'results')), []);
    });
  }

  it('a path in a file’s name stays a name', async () => {
    const answer = await upload('/v1/score', form([{ name: '../../../../tmp/evil.wav', bytes: sound }]))();
    const { files } = (await answer.json()) as { files: { name: string }[] };
    assert.equal(files[0]?.name, 'evil.wav');
    await nothingLeft(api);
  });

  it('a caller who stops sending', async () => {
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n';
    const request = post('/v1/separate', head, {
      'Content-Type': 'multipart/form-data; boundary=b',
      'Content-Length': 100_000,
    });
    const answer = await sendRaw(api.port, [request]);
    assert.equal(answer.status, 408);
    assert.match(answer.body, /VITRINE_BODY_IDLE_MS_MAX/);
    await nothingLeft(api);
  });

  it('a caller who leaves in the middle of the file', async () => {
    const socket = connect(api.port, '127.0.0.1');
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n';
    socket.write(
      post('/v1/separate', `${head}${'x'.repeat(50_000)}`, {
        'Content-Type': 'multipart/form-data; boundary=b',
        'Content-Length': 100_000,
      }),
    );
    socket.once('error', () => undefined);
    await somethingThere(api);
    socket.destroy();
    await nothingLeft(api);
    // And the service goes on.
    assert.equal((await send('/v1/generate', { prompt: 'a bell', duration_seconds: 0.1 })()).status, 200);
  });
});

describe('callers that upload at the same time', () => {
  it('share what may be on disk: who comes when it is full is told to come again', async () => {
    await using api = await serveTasks('harmonic-percussive', { workBytesMax: 400_000 });
    const socket = connect(api.port, '127.0.0.1');
    socket.once('error', () => undefined);
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n';
    socket.write(
      post('/v1/separate', `${head}${'x'.repeat(280_000)}`, {
        'Content-Type': 'multipart/form-data; boundary=b',
        'Content-Length': 300_000,
      }),
    );
    await waitFor('it to arrive', () => api.jobs.folders.budget.taken >= 270_000);
    const bytes = await readFile(fixtureSound('chord-and-clicks.wav'));
    const ask = () =>
      api.fetch('/v1/separate?stem=harmonic', { method: 'POST', body: form([{ name: 'a.wav', bytes }]) });
    const refused = await ask();
    const { code, error } = (await refused.json()) as { code: string; error: string };
    assert.deepEqual([refused.status, code], [503, 'not_kept']);
    assert.match(error, /VITRINE_WORK_BYTES_MAX/);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    socket.destroy();
    await nothingLeft(api);
    // What lies on disk is measured once a second.
    await waitFor('room for another', async () => (await ask()).status === 200);
  });
});
