import assert from 'node:assert/strict';
import { tools } from '../../src/api/mcp/tools.ts';
import { slow } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';
import { nameOfWay, type ServedApi, serveApi, waysToServe } from '../api/serve-api.ts';
import { assistantOverHttp } from './assistant.ts';

type List = { requests: { request_id: string; tenant: string; duration_ms: number }[]; left_out?: object };

for (const way of waysToServe.filter(({ observed }) => observed))
  describe(`assistants over HTTP, ${nameOfWay(way)}`, function () {
    this.timeout(180_000);
    let api: ServedApi;
    let folder: Awaited<ReturnType<typeof temporaryFolder>>;
    const keys = { shop: 'the-key-of-shop', studio: 'the-key-of-studio', few: 'the-key-of-few' };

    before(async () => {
      folder = await temporaryFolder();
      const files = await writeCredentials(folder.path, { keys, adminToken: 'the-administrators-token' });
      api = await serveApi(
        { slow: { onnx: slow() } },
        {
          apiKeysFile: files.VITRINE_API_KEYS_FILE,
          adminTokenFile: files.VITRINE_ADMIN_TOKEN_FILE,
          mcpAnswerCharsMax: 4_000,
          lokiPort: 1,
          readsPerMinuteMax: 300,
        },
        way,
      );
      await infer('of-shop', keys.shop);
      await infer('of-studio', keys.studio);
    });

    after(async () => {
      await api?.[Symbol.asyncDispose]();
      await folder?.[Symbol.asyncDispose]();
    });

    for (const isModern of [false, true])
      it(`find all tools, and an answer of each that needs no store, ${isModern ? 'without a handshake' : 'after a handshake'}`, async () => {
        await using assistant = await assistantOverHttp(api.url, { key: 'the-administrators-token', isModern });
        const listed = await assistant.client.listTools();
        assert.deepEqual(
          listed.tools.map(({ name }) => name),
          tools.map(({ name }) => name),
        );
        assert.ok(listed.tools.every(({ annotations }) => annotations?.readOnlyHint === true));
        const { requests } = await assistant.ask<List>('find_requests', { order: 'recent' });
        // A client that opens asks for a stream, too, and hears that there is none.
        const ids = requests.map(({ request_id }) => request_id).filter((id) => id.startsWith('of-'));
        assert.deepEqual(ids.toSorted(), ['of-shop', 'of-studio']);
        const why = await assistant.ask<{ sentence: string; took_ms: number }>('why', { id: 'of-shop' });
        assert.match(why.sentence, /^It took /);
        const blame = await assistant.ask<{ waited_ms: number }>('blame', { id: 'of-shop' });
        assert.ok(blame.waited_ms >= 0);
        const matrix = await assistant.ask<{ requests: number }>('blame');
        assert.equal(matrix.requests, 2);
        const compared = await assistant.ask<{ first: { requests: number } }>('compare', { first: { tenant: 'shop' } });
        assert.equal(compared.first.requests, 1);
        const slowest = await assistant.ask<{ slower_than_ms: number }>('compare');
        assert.ok(slowest.slower_than_ms > 0);
        assert.match(await assistant.use('runbook', { name: 'HighErrorRate' }), /^# HighErrorRate/);
      });

    it('see with a key what its tenant may see', async () => {
      await using assistant = await assistantOverHttp(api.url, { key: keys.shop });
      const { requests } = await assistant.ask<List>('find_requests', { order: 'recent' });
      assert.deepEqual(
        requests.map(({ tenant }) => tenant),
        ['shop'],
      );
      assert.match(await assistant.refusal('why', { id: 'of-studio' }), /^Cannot show this request: /);
      assert.match(await assistant.refusal('why', { id: '../../v2' }), /^Cannot show this request: /);
    });

    it('are refused without a key, as everybody is', async () => {
      await assert.rejects(assistantOverHttp(api.url), /401|Unauthorized/i);
      const answer = await api.fetch('/mcp', { method: 'POST', body: '{}' });
      assert.equal(answer.status, 401);
      assert.equal((await api.fetch('/mcp', { headers: authorized(keys.shop) })).status, 405);
    });

    it('hear why a tool cannot answer', async () => {
      await using assistant = await assistantOverHttp(api.url, { key: keys.shop });
      assert.match(await assistant.refusal('logs', { id: 'of-shop' }), /^Cannot ask Loki: nothing answers at /);
      assert.match(await assistant.refusal('find_requests', { minutes: 10_000 }), /minutes/);
    });

    it('are refused what is no message, with a sentence that says why', async () => {
      for (const [body, says] of [
        ['[]', /^Cannot /],
        ['{}', /jsonrpc is not "2.0"/],
        ['{"jsonrpc":"2.0","id":1,"method":3}', /method is no text/],
        ['{', /^Cannot /],
      ] as const) {
        const answer = await api.fetch('/mcp', { method: 'POST', body, headers: authorized(keys.shop) });
        assert.equal(answer.status, 400, body);
        assert.match(((await answer.json()) as { error: string }).error, says);
      }
    });

    it('get answers that are as long as they may be, and say what is left out', async () => {
      await Promise.all(Array.from({ length: 30 }, (_, at) => infer(`many-${at}`, keys.studio)));
      await using assistant = await assistantOverHttp(api.url, { key: keys.studio });
      const text = await assistant.use('find_requests', { order: 'recent', count: 50 });
      assert.ok(text.length <= 4_000, String(text.length));
      const { answer, left_out } = JSON.parse(text) as { answer: List; left_out: { requests: number } };
      assert.equal(answer.requests.length + left_out.requests, 31);
    });

    it('are not recorded as what they ask, so that they find the requests of others', async () => {
      await using assistant = await assistantOverHttp(api.url, { key: 'the-administrators-token' });
      await assistant.use('compare');
      const { routes } = await assistant.use('find_requests', { order: 'recent', count: 50 }).then((text) => ({
        routes: new Set([...text.matchAll(/"route": "([^"]+)"/g)].map(([, route]) => route)),
      }));
      assert.ok(routes.has('/v2/models/:model/infer') && !routes.has('/v1/requests/compare'), [...routes].join());
    });

    it('count against the quota of their key', async () => {
      await using assistant = await assistantOverHttp(api.url, { key: keys.few });
      const some = () => Promise.all(Array.from({ length: 10 }, () => assistant.use('blame')));
      await assert.rejects(async () => {
        for (let round = 0; round < 100; round += 1) await some();
      }, /are used up|429/);
    });

    async function infer(id: string, key: string): Promise<void> {
      const inputs = [
        { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
        { name: 'iterations', datatype: 'INT64', shape: [], data: [2] },
      ];
      const answer = await api.fetch('/v2/models/slow/infer', {
        method: 'POST',
        body: JSON.stringify({ inputs }),
        headers: { ...authorized(key), 'x-request-id': id },
      });
      assert.equal(answer.status, 200, await answer.text());
      // Who asks for what is not there yet is a request that failed, and is remembered.
      await waitFor('its record', async () => {
        const found = await api.fetch('/v1/requests?recent=100', { headers: authorized(key) });
        return ((await found.json()) as List).requests.some(({ request_id }) => request_id === id);
      });
    }
  });

function authorized(key: string): Record<string, string> {
  return { authorization: `Bearer ${key}` };
}
