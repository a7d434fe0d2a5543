import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fixtureSound } from '../../testkit/task-runner.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import type { ServedApi } from '../api/serve-api.ts';
import { form, formBytes, nothingLeft, serveTasks } from './serve-tasks.ts';

const long = { prompt: 'gusty wind, rain and a distant bell', duration_seconds: 12, seed: 3 };

describe('a sound that is streamed', function () {
  this.timeout(120_000);
  let api: ServedApi;
  before(async () => {
    api = await serveTasks('procedural-synthesizer,harmonic-percussive', { bodyIdleMsMax: 60_000 }, { observed: true });
  });
  after(() => api[Symbol.asyncDispose]());

  const generate = (body: object, headers: Record<string, string> = {}) =>
    api.fetch('/v1/generate', { method: 'POST', body: JSON.stringify(body), headers });
  const bytesOf = async (answer: Response) => Buffer.from(await answer.arrayBuffer());
  /** Answers the response as soon as its head is there. */
  const open = (path: string, body: Buffer, headers: Record<string, string | number> = {}) =>
    new Promise<Readable & { trailers: NodeJS.Dict<string>; headers: NodeJS.Dict<string | string[]> }>(
      (resolve, reject) => {
        const asked = request(`${api.url}${path}`, { method: 'POST', headers });
        asked.once('error', reject);
        asked.once('response', resolve);
        asked.end(body);
      },
    );

  it('begins to be heard long before it is made, and is byte for byte the whole one', async () => {
    const startedAt = performance.now();
    const stream = await open('/v1/generate', Buffer.from(JSON.stringify({ ...long, stream: true })));
    const firstAt = performance.now() - startedAt;
    const pieces: Buffer[] = [];
    for await (const piece of stream) pieces.push(piece as Buffer);
    const tookMs = performance.now() - startedAt;
    assert.equal(stream.headers['content-type'], 'audio/wav');
    assert.equal(stream.headers['transfer-encoding'], 'chunked');
    assert.deepEqual(Buffer.concat(pieces), await bytesOf(await generate(long)));
    const facts = JSON.parse(stream.trailers['x-vitrine-facts'] ?? '');
    assert.deepEqual(facts.sources, ['wind', 'rain', 'bell']);
    // What the machine does meanwhile decides how much: that it is far from the end is sure.
    assert.ok(firstAt < tookMs / 2, `the first part after ${firstAt} of ${tookMs} ms`);
    const [record] = await waitFor('the record', async () => {
      const { requests } = (await (await api.fetch('/v1/requests?recent=5')).json()) as { requests: Line[] };
      return requests.filter(({ route }) => route === '/v1/generate').slice(-1);
    });
    const whole = (await (await api.fetch(`/v1/requests/${record!.trace_id}`)).json()) as Line;
    assert.ok(whole.first_part_ms! > 0 && whole.first_part_ms! < whole.duration_ms, JSON.stringify(whole));
  });

  it('comes as samples alone, or as events, where the caller accepts that', async () => {
    const short = { prompt: 'a bell', duration_seconds: 2, encoding: 'pcm24' };
    const wav = await bytesOf(await generate(short));
    const pcm = await generate(short, { Accept: 'audio/pcm' });
    assert.equal(pcm.headers.get('content-type'), 'audio/pcm;rate=44100;channels=1;encoding=pcm24');
    const samples = wav.subarray(44, 44 + 2 * 44_100 * 3);
    assert.deepEqual(await bytesOf(pcm), samples);
    const events = await generate(short, { Accept: 'text/event-stream' });
    const heard = eventsIn(await events.text());
    assert.deepEqual(heard[0], ['begin', { sample_rate_hz: 44_100, channels: 1, encoding: 'pcm24', frames: 88_200 }]);
    assert.equal(heard.at(-1)?.[0], 'done');
    const parts = heard.flatMap(([name, data]) =>
      name === 'part' ? [Buffer.from(data.audio as string, 'base64')] : [],
    );
    assert.ok(parts.length > 1);
    assert.deepEqual(Buffer.concat(parts), samples);
  });

  it('of one stem comes while the rest is separated, with the bytes of the whole', async () => {
    const name = 'chord-and-clicks.wav';
    const bytes = await readFile(fixtureSound(name));
    const upload = async (parameters: Record<string, string>, accept = '*/*') => {
      const sent = await formBytes(form([{ name, bytes }], parameters));
      return await open('/v1/separate', sent.bytes, {
        ...sent.headers,
        Accept: accept,
        'Content-Length': sent.bytes.length,
      });
    };
    const read = async (stream: Readable) => Buffer.concat((await stream.toArray()) as Buffer[]);
    const whole = await read(await upload({ stem: 'harmonic' }));
    assert.deepEqual(await read(await upload({ stem: 'harmonic', stream: 'true' })), whole);
    assert.deepEqual(await read(await upload({ stem: 'harmonic' }, 'audio/pcm')), whole.subarray(44));
    const several = await upload({ stream: 'true' });
    assert.equal((several as unknown as { statusCode: number }).statusCode, 400);
    assert.match(await text(several), /name it in the parameter stem/);
  });

  it('slows nobody but its own reader, and ends when the reader leaves', async () => {
    const slow = await open(
      '/v1/generate',
      Buffer.from(JSON.stringify({ ...long, stream: true, encoding: 'float32' })),
    );
    slow.pause();
    // There are no more task threads than a few: those who wait for a reader would hold them.
    const others = await Promise.all(
      Array.from({ length: 6 }, () => generate({ prompt: 'a bell', duration_seconds: 0.2 })),
    );
    for (const answer of others) {
      assert.equal(answer.status, 200);
      await answer.arrayBuffer();
    }
    slow.destroy();
    await nothingLeft(api);
    await waitFor('the permit to be given back', () => api.held().inFlight === 0);
  });

  it('is refused in words where it cannot be had', async () => {
    for (const [body, headers, status] of [
      [{ ...long, stream: 'yes' }, {}, 400],
      [{ ...long, stream: true }, { Accept: 'text/html' }, 406],
      [{ prompt: 'qqq', stream: true }, { Accept: 'text/event-stream' }, 422],
    ] as const) {
      const answer = await generate(body, headers);
      assert.equal(answer.status, status, await answer.clone().text());
      assert.ok(((await answer.json()) as { code: string }).code);
    }
  });
});

type Line = { trace_id: string; route: string; first_part_ms: number | null; duration_ms: number };

function eventsIn(stream: string): [name: string, data: Record<string, unknown>][] {
  return stream
    .split('\n\n')
    .filter((each) => each !== '')
    .map((each) => {
      const [, name = '', data = ''] = /^event: (\w+)\ndata: (.*)$/s.exec(each) ?? [];
      return [name, JSON.parse(data)];
    });
}
