import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { perceptron } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ServedApi, serveApi } from './serve-api.ts';

for (const httpExchange of ['fast', 'plain'] as const)
  describe(`the bytes of answers, by the ${httpExchange} exchange`, () => {
    let api: ServedApi;

    before(async () => {
      api = await serveApi(
        { perceptron: { onnx: perceptron(), manifest: { batching: { rows_max: 2048 } } } },
        {},
        { observed: true, httpExchange },
      );
    });

    after(async () => api?.[Symbol.asyncDispose]());

    it('are counted as they were sent: small, large, packed, of a failure, and of none', async () => {
      const route = '/v2/models/:model/infer';
      const small = await sentBytes('POST', '/v2/models/perceptron/infer', { rows: 1 });
      await counts('POST', route, small);
      const large = await sentBytes('POST', '/v2/models/perceptron/infer', { rows: 2048 });
      assert.ok(large > 128 * 1024, String(large));
      await counts('POST', route, small + large);
      const packed = await sentBytes('POST', '/v2/models/perceptron/infer', { rows: 2048, accepted: 'gzip' });
      assert.ok(packed < large / 2, `${packed} of ${large}`);
      await counts('POST', route, small + large + packed);

      await counts('GET', '/v2/models/:model', await sentBytes('GET', '/v2/models/none'));
      await counts('GET', '/openapi.json', await sentBytes('GET', '/openapi.json'));
      assert.equal(await sentBytes('HEAD', '/v2'), 0);
      await counts('HEAD', '/v2', 0);
    });

    /** Asks, and answers how many bytes of the body came. */
    async function sentBytes(
      method: string,
      path: string,
      { rows = 0, accepted = 'identity' }: { rows?: number; accepted?: string } = {},
    ): Promise<number> {
      const asked = request(`${api.url}${path}`, { method, headers: { 'Accept-Encoding': accepted } });
      const data = new Array<number>(rows * 64).fill(0.5);
      asked.end(
        rows > 0 ? JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, 64], data }] }) : undefined,
      );
      const [answer] = (await once(asked, 'response')) as [IncomingMessage];
      let bytes = 0;
      for await (const chunk of answer) bytes += (chunk as Buffer).length;
      return bytes;
    }

    async function counts(method: string, route: string, bytes: number): Promise<void> {
      const sum = () =>
        api.meter
          .histogram('httpServerAnswerBytes')
          .points()
          .find((point) => point.labels['http.request.method'] === method && point.labels['http.route'] === route)
          ?.value.sum;
      await waitFor(`${bytes} bytes of ${method} ${route}`, () => sum() === bytes);
    }
  });
