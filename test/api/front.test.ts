import assert from 'node:assert/strict';
import { identity } from '../../testkit/models/models.ts';
import { nameOfWay, post, type ServedApi, sendRaw, serveApi, waysToServe } from './serve-api.ts';

const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }] });

for (const way of waysToServe)
  describe(`the path of an inference, ${nameOfWay(way)}`, () => {
    let api: ServedApi;

    before(async () => {
      api = await serveApi({ copy: { onnx: identity('FP32') } }, {}, way);
    });

    after(() => api[Symbol.asyncDispose]());

    for (const path of [
      '/v2/models/copy/infer',
      '/v2/models/copy/versions/1/infer',
      '/v2/models/copy/infer/',
      '/v2/models/copy/infer?a=b',
      '/v2/models/copy/infer/?',
      '/V2/Models/copy/versions/1/INFER',
      '/v2/models/%63opy/versions/%31/infer',
      'http://127.0.0.1/v2/models/copy/infer',
    ])
      it(`may be written ${path}`, async () => {
        const answer = await sendRaw(api.port, [post(path, body)]);
        assert.equal(answer.status, 200, answer.body);
        assert.deepEqual(JSON.parse(answer.body).outputs[0].data, [1]);
        for (const name of ['RateLimit', 'X-Request-Id', 'traceresponse'])
          assert.equal(answer.headers.match(new RegExp(`^${name}: `, 'gim'))?.length, 1, answer.headers);
      });

    for (const { path, status } of [
      { path: '/v2/models/copy/infer/more', status: 404 },
      { path: '/v2/models//infer', status: 404 },
      { path: '//v2/models/copy/infer', status: 404 },
      { path: '/v2/models/copy%2Finfer', status: 405 },
      { path: '/v2/models/a%2Fb/infer', status: 404 },
      { path: '/v2/models/COPY/infer', status: 404 },
      { path: '/v2/models/copy/versions/2/infer', status: 404 },
      { path: '/v2/models/%zz/infer', status: 400 },
    ])
      it(`is not ${path}: ${status}`, async () => {
        const answer = await sendRaw(api.port, [post(path, body)]);
        assert.equal(answer.status, status, answer.body);
      });

    it('takes POST alone, and says so', async () => {
      for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'HEAD']) {
        const answer = await api.fetch('/v2/models/copy/infer?a', { method });
        assert.deepEqual([answer.status, answer.headers.get('allow')], [405, 'POST'], method);
        assert.match(answer.headers.get('traceresponse') ?? '', /^00-/);
      }
    });
  });
