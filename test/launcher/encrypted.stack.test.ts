import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { askPort, type Way } from '../../launcher/ask-port.ts';
import { type ComponentName, type PortSetting, portsOf } from '../../launcher/components.ts';
import { choosePort } from '../../launcher/free-port.ts';
import { readConfig } from '../../src/config.ts';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { TestAuthority } from '../../testkit/test-certificates.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { copyRequest, floatsOf, inferenceClient } from '../grpc/grpc-client.ts';
import { statusOf, vitrine } from './vitrine-command.ts';

/** These stay on loopback: servers to themselves, and the Collector's own metrics to Prometheus. */
const plainOnLoopback: readonly PortSetting[] = ['lokiGrpcPort', 'tempoGrpcPort', 'collectorMetricsPort'];
const patience = { deadlineMs: 120_000, everyMs: 300 };
const traceId = '0af7651916cd43dd8448eb211c80319c';

describe('a stack with VITRINE_TLS=all', function () {
  this.timeout(1_200_000); // The first one may have to build the servers.
  let folder: TemporaryFolder;
  let stack: Stack;
  let service: Way;

  before(async () => {
    folder = await temporaryFolder();
    await writeModel(join(folder.path, 'models'), 'copy', identity('FP32'), {
      manifest: { batching: { rows_max: 0 } },
    });
    const env = {
      VITRINE_TLS: 'all',
      VITRINE_MODELS: join(folder.path, 'models'),
      VITRINE_GRPC_PORT: String(await choosePort('127.0.0.1')),
      OTEL_METRIC_EXPORT_INTERVAL: '5000',
    };
    stack = await startStack({ env });
    service = stack.way('service');
  });
  after(async () => {
    await stack?.close();
    await folder[Symbol.asyncDispose]();
  });

  it('answers over TLS, and every port refuses plain HTTP', async () => {
    const inputs = [{ name: 'x', shape: [1, 2], datatype: 'FP32', data: [1, 2] }];
    const headers = {
      'content-type': 'application/json',
      traceparent: `00-${traceId}-00f067aa0ba902b7-01`,
      'x-vitrine-trace': '1',
    };
    const { status, text } = await askPort(service, '/v2/models/copy/infer', {
      headers,
      body: JSON.stringify({ inputs }),
    });
    assert.equal(status, 200, text);
    const { ca } = await trusted(service);
    using client = inferenceClient(stack.port('grpcPort'), {}, { ca });
    const { answer } = await client.ask('ModelInfer', copyRequest([3]));
    assert.deepEqual(floatsOf(answer.raw_output_contents[0]), [3]);

    const config = readConfig(stack.env);
    const secured: string[] = [];
    for (const name of stack.names)
      for (const setting of portsOf(name, config)) {
        if (plainOnLoopback.includes(setting) || stack.port(setting) === 0) continue;
        const port = stack.port(setting);
        assert.equal(await answersPlainly(port), false, `${name} answers plain HTTP at ${setting}`);
        assert.equal(await speaksTls(port, ca), true, `${name} speaks no TLS at ${setting}`);
        secured.push(setting);
      }
    assert.ok(secured.length >= 10, secured.join());
  });

  it('has the request in each store, asked over TLS by the page', async () => {
    const found = async (path: string): Promise<unknown> => {
      const { ok, text } = await askPort(service, `/backends/${path}`);
      return ok ? JSON.parse(text) : {};
    };
    const results = async (path: string) =>
      ((await found(path)) as { data?: { result?: unknown[] } }).data?.result?.length ?? 0;
    const query = (text: string) => new URLSearchParams({ query: text });
    await waitFor(
      'the trace in Tempo',
      async () => JSON.stringify(await found(`tempo/api/v2/traces/${traceId}`)).length > 100,
      patience,
    );
    const counted = 'http_requests_total{job="vitrine",endpoint="/v2/models/:model/infer",status="200"} > 0';
    await waitFor(
      'the count in Prometheus',
      async () => (await results(`prometheus/api/v1/query?${query(counted)}`)) > 0,
      patience,
    );
    const line = `loki/loki/api/v1/query_range?${query(`{service_name="vitrine"} | trace_id="${traceId}"`)}`;
    await waitFor('the line in Loki', async () => (await results(line)) > 0, patience);
    const up = 'count(up == 1)';
    await waitFor(
      'every scrape',
      async () => JSON.stringify(await found(`prometheus/api/v1/query?${query(up)}`)).includes('"5"]'),
      patience,
    );
  });

  it('leads an alert from Prometheus over Alertmanager to the receiver', async () => {
    const heard =
      'sum(alertmanager_notifications_total{integration="webhook"}) > sum(alertmanager_notifications_failed_total{integration="webhook"})';
    await waitFor(
      'the Watchdog to be delivered',
      async () => {
        const path = `/api/v1/query?${new URLSearchParams({ query: heard })}`;
        return (await askPort(stack.way('prometheus'), path)).text.includes('"value"');
      },
      patience,
    );
    const { ok, text } = await askPort(stack.way('receiver'), '/health');
    assert.ok(ok, text);
  });

  it('is found healthy by status and doctor, which know nothing but the data folder', async () => {
    const env = { ...process.env, VITRINE_DATA: stack.data };
    const { components } = await statusOf(env);
    assert.deepEqual(
      components.filter(({ health }) => health !== 'healthy').map(({ name }) => name as ComponentName),
      [],
    );
    const { stdout } = await vitrine(env, 'doctor');
    assert.match(stdout, /^good {2}The trace of the probe is in Tempo, after/m);
    assert.match(stdout, /^good {2}The log of the probe is in Loki, after/m);
    assert.match(stdout, /^good {2}The metric of the probe is in Prometheus, after/m);
    assert.match(stdout, /^good {2}Models run: 1 on cpu/m);
    assert.match(stdout, /^(?:good|BAD ) {2}traces of vitrine, .*the books balance/m);
    const summary = await vitrine(env, 'summary');
    assert.equal(summary.code, 0, summary.stderr);
  });
});

describe('a stack whose service and receiver alone are encrypted', function () {
  this.timeout(1_200_000);

  it('is healthy by the certificate of the settings, and Alertmanager reaches the receiver by it', async () => {
    await using folder = await temporaryFolder();
    const authority = await TestAuthority.in(folder.path);
    // Neither loopback nor localhost is among its names.
    const { certificate, key } = await authority.issue('outside', { names: ['DNS:vitrine.example.org'] });
    await using stack = await startStack({
      only: ['receiver', 'alertmanager'],
      env: {
        VITRINE_TLS_CERT_FILE: certificate,
        VITRINE_TLS_KEY_FILE: key,
        VITRINE_TLS_CLIENT_CA_FILE: authority.file,
      },
    });
    assert.match(stack.url('receiver'), /^https:/);
    assert.match(stack.url('alertmanager'), /^http:/);
    const alerts = JSON.stringify([{ labels: { alertname: 'Sent', severity: 'critical' } }]);
    const headers = { 'content-type': 'application/json' };
    const alertmanager = stack.way('alertmanager');
    assert.ok((await askPort(alertmanager, '/api/v2/alerts', { headers, body: alerts })).ok);
    await waitFor(
      'the alert to be delivered',
      async () =>
        /^alertmanager_notifications_total{integration="webhook"[^}]*} [1-9]/m.test(
          (await askPort(alertmanager, '/metrics')).text,
        ),
      patience,
    );
    const { text } = await askPort(alertmanager, '/metrics');
    assert.doesNotMatch(text, /^alertmanager_notification_requests_failed_total{integration="webhook"[^}]*} [1-9]/m);
    const seen = await askPort(stack.way('receiver'), '/alerts');
    assert.match(seen.text, /"Sent"/);
  });
});

async function trusted({ trust }: Way): Promise<{ ca: Buffer }> {
  return { ca: await readFile(trust!.authorities.at(-1)!) };
}

/** Whether a request without TLS is answered as HTTP wants it, with anything but a refusal. */
async function answersPlainly(port: number): Promise<boolean> {
  try {
    return (await askPort({ url: `http://127.0.0.1:${port}` }, '/', { timeoutMs: 5_000 })).status !== 400;
  } catch {
    return false;
  }
}

function speaksTls(port: number, ca: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca, ALPNProtocols: ['h2', 'http/1.1'] });
    socket.once('secureConnect', () => {
      resolve(socket.authorized && socket.getProtocol() === 'TLSv1.3');
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
