import assert from 'node:assert/strict';
import { aloneAnswered } from '../../src/api/requests/alone-answer.ts';
import { identity, slowInBatches } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';

const keys = { may: 'the-key-that-may-profile', 'may-not': 'the-key-that-may-not' };

describe('one like it, alone', function () {
  this.timeout(300_000);
  let api: ServedApi;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  before(async () => {
    folder = await temporaryFolder();
    const files = await writeCredentials(folder.path, {
      keys,
      adminToken: 'the-administrators-token',
      rights: { may: { may_profile: true } },
    });
    api = await serveApi(
      {
        slow: { onnx: slowInBatches(40), manifest: { batching: { rows_max: 8 } } },
        identity: { onnx: identity('FP32') },
      },
      {
        apiKeysFile: files.VITRINE_API_KEYS_FILE,
        adminTokenFile: files.VITRINE_ADMIN_TOKEN_FILE,
        profileBytesMax: 1_000_000,
        profileMsMax: 120_000,
      },
      { observed: true },
    );
  });

  after(async () => {
    await api?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  it('has the shapes of the request, and takes what the model takes beside what the request took', async () => {
    await infer('slow', 'three-rows', [3, 4]);
    const answer = aloneAnswered.parse(await (await alone('three-rows', keys.may)).json());
    assert.deepEqual(answer.inputs, [{ name: 'x', datatype: 'FP32', shape: [3, 4] }]);
    assert.equal(answer.is_exact, true);
    assert.equal(answer.runs.length, 3);
    assert.ok(answer.alone_ms > 0 && answer.recorded.took_ms >= answer.recorded.session_ms!);
    assert.match(answer.sentence, /^Alone and now its run takes [\d.]+ ms; then it took /);
  });

  it('finds the size of a free dimension by the bytes', async () => {
    await infer('identity', 'long', [2, 1234]);
    const { inputs, is_exact } = aloneAnswered.parse(await (await alone('long', keys.may)).json());
    assert.deepEqual([inputs[0]?.shape, is_exact], [[2, 1234], true]);
  });

  it('is for the administrator, and for keys that may profile', async () => {
    await infer('slow', 'of-may', [1, 4]);
    assert.equal((await alone('of-may', keys['may-not'])).status, 403);
    assert.equal((await alone('of-may', 'the-administrators-token')).status, 200);
    assert.equal((await alone('none', keys.may)).status, 404);
  });

  it('is refused above the limit of bytes', async () => {
    await infer('identity', 'large', [1, 300_000]);
    const answer = await alone('large', keys.may);
    assert.equal(answer.status, 400);
    assert.match(((await answer.json()) as { error: string }).error, /VITRINE_PROFILE_BYTES_MAX/);
  });

  function alone(id: string, key: string): Promise<Response> {
    return api.fetch(`/v1/requests/${id}/alone`, { method: 'POST', headers: { authorization: `Bearer ${key}` } });
  }

  async function infer(model: string, id: string, shape: [number, number]): Promise<void> {
    const data = new Array<number>(shape[0] * shape[1]).fill(0.5);
    const authorization = `Bearer ${keys.may}`;
    const answer = await api.fetch(`/v2/models/${model}/infer`, {
      method: 'POST',
      body: JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape, data }] }),
      headers: { authorization, 'x-request-id': id },
    });
    assert.equal(answer.status, 200, await answer.text());
    await waitFor('its record', async () => {
      const found = await api.fetch(`/v1/requests/${id}`, { headers: { authorization } });
      return found.status === 200;
    });
  }
});
