import assert from 'node:assert/strict';
import { bareEnvironment } from '../../testkit/bare-environment.ts';
import { slow } from '../../testkit/models/models.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';
import { assistantOverStdio } from './assistant.ts';

describe('vitrine mcp', function () {
  this.timeout(120_000);
  let api: ServedApi;

  before(async () => {
    api = await serveApi({ slow: { onnx: slow() } }, {}, { observed: true });
  });

  after(async () => api?.[Symbol.asyncDispose]());

  it('has the tools over stdin and stdout, and asks the service that runs', async () => {
    await using assistant = await assistantOverStdio(api.url, bareEnvironment);
    const answer = await assistant.ask<{ requests: unknown[] }>('find_requests');
    assert.deepEqual(answer.requests, []);
    assert.match(await assistant.use('runbook', { name: 'HighErrorRate' }), /^# HighErrorRate/);
    assert.match(await assistant.refusal('why', { id: 'none' }), /^Cannot show this request: /);
  });

  it('says of a service that does not answer how to start it', async () => {
    await using assistant = await assistantOverStdio('http://127.0.0.1:1', bareEnvironment);
    assert.match(
      await assistant.refusal('why', { id: 'x' }),
      /http:\/\/127\.0\.0\.1:1 does not answer \(ECONNREFUSED\); start it with `vitrine up`/,
    );
  });
});
