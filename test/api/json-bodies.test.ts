import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { identity } from '../../testkit/models/models.ts';
import { post, type ServedApi, sendRaw, serveApi } from './serve-api.ts';

/**
 * Levels of arrays within one object: the object that every route wants, and its depth is what is
 * wrong.
 */
const deep = (levels: number) => `{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`;

describe('a body of JSON', () => {
  let api: ServedApi;
  let posts: string[];

  before(async () => {
    api = await serveApi({ copy: { onnx: identity('FP32') } }, { tasksPerMinuteMax: 1_000_000 });
    posts = api.routes
      .filter((route) => route.startsWith('post '))
      .map((route) =>
        route.slice('post '.length).replace(':model', 'copy').replace(':version', '1').replace(':id', 'none'),
      );
  });

  after(() => api[Symbol.asyncDispose]());

  const send = async (path: string, body: Buffer | string, headers = {}) => {
    const answer = await sendRaw(api.port, [post(path, body, { 'Content-Type': 'application/json', ...headers })]);
    const { code } = JSON.parse(answer.body) as { code?: string };
    return { status: answer.status, code, body: answer.body };
  };
  const isInference = (path: string) => /^\/v2\/.*\/(?:infer|generate|generate_stream)$/.test(path);
  /** They read no JSON: a form, or no body at all. */
  const takesNone = (path: string) => /separate|score|speech|cancel|alone/.test(path);

  it('is read by routes that are known here', () => {
    assert.ok(posts.length >= 12, String(posts));
  });

  it('is refused by every route where it is nested too deeply', async () => {
    for (const path of posts) {
      const { status, code, body } = await send(path, deep(20_000));
      if (takesNone(path)) assert.ok(status >= 400 && status < 500, `${path} ${body}`);
      else assert.deepEqual([path, status, code], [path, 400, 'invalid_body'], body);
      if (!takesNone(path)) assert.match(body, /nested more than 64 levels deep/);
    }
  });

  it('is refused by every route but inference above 64 KiB, by what it says and by what comes', async () => {
    for (const path of posts.filter((each) => !isInference(each) && !takesNone(each))) {
      const large = `{"a":"${'x'.repeat(70_000)}"}`;
      for (const answer of [
        await send(path, large),
        await send(path, gzipSync(large), { 'Content-Encoding': 'gzip' }),
        await send(path, '', { 'Content-Length': 2 ** 30 }),
      ]) {
        assert.deepEqual([path, answer.status, answer.code], [path, 413, 'body_too_large'], answer.body);
        assert.match(answer.body, /VITRINE_PARAMETERS_BYTES_MAX/);
      }
    }
  });

  it('costs no route more than its bytes, whatever it is made of', async () => {
    const pieces = ['{},', '[],', '"",', '1,', 'null,', '"\\u0000",'];
    for (const path of posts)
      for (const piece of pieces) {
        const { status, body } = await send(path, `{"a":[${piece.repeat(60_000 / piece.length).slice(0, -1)}]}`);
        assert.ok(status < 500, `${path} ${status} ${body}`);
      }
  });
});
