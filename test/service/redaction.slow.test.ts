import assert from 'node:assert/strict';
import { request } from 'node:http';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

// The first layer: the service does not record what callers write. The Collector's masks, the
// second layer, are tested without the service.

const canaries = {
  authorization: 'Bearer canary-bearer-4f1d9c2e7b',
  apiKey: 'canary-api-key-77ac01',
  email: 'canary.person@example.org',
  card: '4111111111111111',
  cookie: 'session=canary-cookie-0092',
  userAgent: 'canary-agent/1.0',
  baggage: 'secret=canary-baggage-5511',
  query: 'canary-query-8812',
  path: 'canary-path-3141',
};

describe('the service', () => {
  it('records nothing that a caller wrote into headers, path, query or baggage', async () => {
    await using folder = await temporaryFolder();
    const receiver = await OtlpReceiver.start();
    await using service = await startService({
      VITRINE_DATA: folder.path,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    });
    const headers = {
      authorization: canaries.authorization,
      'x-api-key': canaries.apiKey,
      from: canaries.email,
      'x-card': canaries.card,
      cookie: canaries.cookie,
      'user-agent': canaries.userAgent,
      baggage: canaries.baggage,
      tracestate: 'vendor=canary-tracestate-1',
      'x-request-id': `not well-formed ${canaries.email}`,
    };
    const marker = await send(`${service.url}/v2?token=${canaries.query}`, 'GET', headers);
    await send(`${service.url}/${canaries.path}/${canaries.card}`, 'GET', headers);
    await send(`${service.url}/live?email=${canaries.email}`, 'DELETE', headers);
    await send(`${service.url}/%E0%A4%A`, 'GET', headers);
    await service.kill('SIGTERM');
    const told = receiver.received.map((bytes) => bytes.toString('latin1')).join('\n');
    receiver.stop();
    assert.ok(told.includes('GET /v2') && told.includes('GET unmatched'), 'the requests themselves are told');
    assert.ok(marker.length === 32);
    const found = Object.entries({ ...canaries, tracestate: 'canary-tracestate-1' }).filter(([, canary]) =>
      told.includes(canary),
    );
    assert.deepEqual(found, []);
    assert.ok(!/canary/.test(told));
    assert.ok(!/canary/.test(service.said()), 'nor is it on the console');
  });

  it('says where the metrics are to those who come to scrape', async () => {
    await using folder = await temporaryFolder();
    await using service = await startService({ VITRINE_DATA: folder.path, OTEL_SDK_DISABLED: 'true' });
    const response = await fetch(`${service.url}/metrics`);
    assert.equal(response.status, 404);
    assert.match(await response.text(), /OTLP only.*prometheus-scrape/);
  });

  it('answers, stops and starts as usual with no Collector anywhere, and keeps what it was told', async () => {
    await using folder = await temporaryFolder();
    const receiver = await OtlpReceiver.start();
    const env = { VITRINE_DATA: folder.path, OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}` };
    receiver.stop();
    let traceId: string;
    {
      await using service = await startService({ ...env, VITRINE_STOP_MS_MAX: '1500' });
      traceId = await send(`${service.url}/v2`, 'GET', {});
      assert.equal(await service.kill('SIGTERM'), 0);
      assert.match(service.said(), /answers at http:.*there are no API keys, so only this machine can reach it/);
      assert.match(service.said(), /traces: \d+ made, 0 exported, \d+ spooled/);
    }
    const back = await OtlpReceiver.start(receiver.port);
    await using service = await startService(env);
    await waitFor('the spooled span', () => back.received.some((bytes) => bytes.includes(Buffer.from(traceId, 'hex'))));
    await service.kill('SIGTERM');
    back.stop();
  });
});

/** Plain http: fetch would refuse some of these headers. Answers the trace id. */
function send(url: string, method: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers, agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(String(response.headers.traceresponse).split('-')[1] ?? ''));
    })
      .once('error', reject)
      .end();
  });
}
