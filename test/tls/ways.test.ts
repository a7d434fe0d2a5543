import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { askPort } from '../../launcher/ask-port.ts';
import { answersWell } from '../../launcher/component-process.ts';
import { stackTls, wayTo } from '../../launcher/ways.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { type Pair, read, TestAuthority } from '../../testkit/test-certificates.ts';
import { serveApi } from '../api/serve-api.ts';

describe('the way to a port', () => {
  let folder: TemporaryFolder;
  let authority: TestAuthority;
  let stranger: TestAuthority;
  let pair: Pair;

  before(async () => {
    folder = await temporaryFolder();
    authority = await TestAuthority.in(join(folder.path, 'ours'));
    stranger = await TestAuthority.in(join(folder.path, 'strange'));
    pair = await authority.issue('service', { names: ['DNS:vitrine.example.org'] });
  });
  after(() => folder[Symbol.asyncDispose]());

  const secured = (more: Partial<Config> = {}): Partial<Config> => ({
    tlsCertFile: pair.certificate,
    tlsKeyFile: pair.key,
    ...more,
  });
  const wayOf = (port: number, settings: Partial<Config>, env: NodeJS.ProcessEnv = {}) =>
    wayTo('servicePort', port, stackTls({ ...readConfig({}), ...settings }, env));

  it('is plain without certificates, whichever port it is', () => {
    const tls = stackTls(readConfig({}), {});
    assert.deepEqual(wayTo('prometheusPort', 9090, tls), { url: 'http://127.0.0.1:9090', trust: undefined });
    assert.equal(wayTo('servicePort', 8000, tls, '::1').url, 'http://[::1]:8000');
  });

  it('knows each side by its own settings', () => {
    const config: Config = { ...readConfig({}), backends: 'tempo,tls', storeScheme: 'https', tlsCaFile: 'ca' };
    const tls = stackTls(config, { OTEL_EXPORTER_OTLP_CERTIFICATE: 'theirs' });
    assert.deepEqual(wayTo('otlpHttpPort', 4318, tls), {
      url: 'https://127.0.0.1:4318',
      trust: { authorities: ['theirs', 'ca'], certificate: undefined },
    });
    assert.equal(wayTo('collectorHealthPort', 13133, tls).url, 'http://127.0.0.1:13133');
    assert.equal(wayTo('tempoPort', 3200, tls).url, 'https://127.0.0.1:3200');
    assert.equal(wayTo('servicePort', 8000, tls).url, 'http://127.0.0.1:8000');
  });

  it('believes the service’s own certificate, and presents it where the port asks for one', async () => {
    for (const settings of [secured(), secured({ tlsClientCaFile: authority.file })]) {
      await using api = await serveApi({}, settings);
      const way = wayOf(api.port, settings);
      assert.equal((await askPort(way, '/live')).status, 200);
      assert.equal(await answersWell({ ...way, url: `${way.url}/live` }), true);
    }
  });

  it('says why a port cannot be asked', async () => {
    const settings = secured({ tlsClientCaFile: authority.file });
    await using api = await serveApi({}, settings);
    await using plain = await serveApi({});
    const { url, trust } = wayOf(api.port, settings);
    const strange = { authorities: [stranger.file], certificate: undefined };
    await assert.rejects(
      askPort({ url, trust: strange }, '/live'),
      /authority that is not known here.*VITRINE_TLS_CA_FILE/,
    );
    await assert.rejects(askPort({ url: `https://127.0.0.1:${plain.port}`, trust }, '/live'), /speaks no TLS/);
    await assert.rejects(askPort({ url, trust: { authorities: ['/none/ca'] } }, '/live'), /\/none\/ca cannot be read/);
    const old = await authority.issue('old', { fromDays: -9, untilDays: -1 });
    const server = createServer(await read(old)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const believing = { authorities: [authority.file] };
    await assert.rejects(askPort({ url: `https://127.0.0.1:${port}`, trust: believing }, '/'), /has expired/);
    server.close();
    await assert.rejects(askPort({ url: `https://127.0.0.1:${port}`, trust: believing }, '/'), /ECONNREFUSED/);
    const unencrypted = await askPort({ url: url.replace('https:', 'http:') }, '/live');
    assert.equal(unencrypted.status, 400);
    assert.match(unencrypted.text, /use https:/);
    const { certificate: _, ...nothing } = trust!;
    assert.match((await askPort({ url, trust: nothing }, '/live')).text, /no client certificate/);
  });

  it('leads the page’s questions to stores that speak TLS', async () => {
    const store = await authority.issue('prometheus');
    const presented: string[] = [];
    const server = createServer(
      { ...(await read(store)), ca: await authority.pem, requestCert: true, rejectUnauthorized: true },
      ({ socket }, answer) => {
        presented.push(String((socket as TLSSocket).getPeerCertificate().subject.CN));
        answer.setHeader('content-type', 'application/json').end('{"status":"success"}');
      },
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port: prometheusPort } = server.address() as AddressInfo;
    const asked = '/backends/prometheus/api/v1/query?query=up';
    const settings = secured({ prometheusPort, storeScheme: 'https' });
    const ways = [
      { ...settings, tlsCaFile: authority.file },
      { ...settings, tlsCaFile: stranger.file, storeCaFile: authority.file },
      { ...settings, storeCaFile: stranger.file },
    ];
    try {
      const answers: [number, string][] = [];
      for (const way of ways) {
        await using api = await serveApi({}, way);
        const { status, text } = await askPort(wayOf(api.port, way), asked);
        answers.push([status, text]);
      }
      assert.deepEqual(answers.slice(0, 2), Array(2).fill([200, '{"status":"success"}']));
      assert.deepEqual(presented, ['service', 'service']);
      assert.equal(answers[2]![0], 503);
      assert.match(answers[2]![1], /Prometheus: it has a certificate of an authority that is not known/);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});
