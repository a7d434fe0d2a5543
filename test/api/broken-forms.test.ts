import assert from 'node:assert/strict';
import { type ServedApi, serveApi } from './serve-api.ts';

const border = 'border';
const type = { 'Content-Type': `multipart/form-data; boundary=${border}` };

describe('a form that ends early', () => {
  let api: ServedApi;

  before(async () => {
    api = await serveApi({}, { tasksPerMinuteMax: 1_000 });
  });

  after(() => api[Symbol.asyncDispose]());

  for (const [what, disposition] of [
    ['a file without a name', 'name="file"; filename=""'],
    ['a file whose field has a bracket in its name', 'name="file[0]"; filename="a.wav"'],
    ['a file', 'name="file"; filename="a.wav"'],
    ['a field', 'name="model"'],
  ] as const)
    it(`within ${what} is refused, and the service lives on`, async () => {
      const body = `--${border}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\nRIFF1234`;
      const answer = await api.fetch('/v1/speech', { method: 'POST', headers: type, body });
      assert.equal(answer.status, 400);
      assert.equal(((await answer.json()) as { code: string }).code, 'invalid_body');
      assert.equal((await api.fetch('/live')).status, 200);
    });
});
