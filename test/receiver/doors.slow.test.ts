import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { runReceiver, startReceiver } from './receiver-process.ts';
import { startToldReceiver } from './told-receiver.ts';
import { alertmanagerWebhook } from './webhook.ts';

const bodies = {
  '/alerts': JSON.stringify(alertmanagerWebhook({})),
  '/deploy': JSON.stringify({ version: '1.2.3' }),
  '/events': JSON.stringify({ kind: 'counter', name: 'nightly_runs' }),
};
const paths = Object.keys(bodies) as (keyof typeof bodies)[];

describe('the receiver’s doors', function () {
  this.timeout(240_000);

  it('open to their own token only, and to a new one as soon as it is in the file', async () => {
    await using secrets = await temporaryFolder();
    const tokenFile = (path: string) => join(secrets.path, path.slice(1));
    const token = (path: string) => `a-token-for-${path.slice(1)}`;
    for (const path of paths) await writeFile(tokenFile(path), `${token(path)}\n`);
    await using at = await startToldReceiver({
      VITRINE_RECEIVER_ALERTS_TOKEN_FILE: tokenFile('/alerts'),
      VITRINE_RECEIVER_DEPLOY_TOKEN_FILE: tokenFile('/deploy'),
      VITRINE_RECEIVER_EVENTS_TOKEN_FILE: tokenFile('/events'),
    });
    const post = async (path: keyof typeof bodies, authorization?: string) =>
      (await at.receiver.post(path, bodies[path], authorization === undefined ? {} : { authorization })).status;
    for (const path of paths) {
      for (const other of paths) {
        assert.equal(
          await post(path, `Bearer ${token(other)}`),
          path === other ? 200 : 401,
          `${path} with that of ${other}`,
        );
      }
      assert.equal(await post(path), 401);
      assert.equal(await post(path, token(path)), 401);
      assert.equal(await post(path, `Basic ${token(path)}`), 401);
      assert.equal(await post(path, `bearer  ${token(path)}`), 200);
    }
    const list = (authorization: string) => fetch(`${at.receiver.url}/alerts`, { headers: { authorization } });
    assert.equal((await list(`Bearer ${token('/deploy')}`)).status, 401);
    assert.equal((await list(`Bearer ${token('/alerts')}`)).status, 200);
    assert.equal((await fetch(`${at.receiver.url}/health`)).status, 200);

    await writeFile(tokenFile('/deploy'), `the-next-token-for-it\n${token('/deploy')}\n`);
    assert.equal(await post('/deploy', 'Bearer the-next-token-for-it'), 200);
    assert.equal(await post('/deploy', `Bearer ${token('/deploy')}`), 200);
    await writeFile(tokenFile('/deploy'), 'the-next-token-for-it\n');
    assert.equal(await post('/deploy', `Bearer ${token('/deploy')}`), 401);
    await waitFor('the security log', () => at.told.events('caller_refused').length > 0);
    assert.ok(!JSON.stringify(at.told.logs).includes('-token-for-'), 'no token is ever told');
  });

  const unusable: [string, string, RegExp][] = [
    ['a file that is not there', '', /VITRINE_RECEIVER_DEPLOY_TOKEN_FILE/],
    ['an empty file', '\n', /has no token/],
    ['a short token', 'secret\n', /shorter than 16/],
  ];
  it('stay shut, and the start ends, when a token file cannot be used', async () => {
    await using folder = await temporaryFolder();
    for (const [what, content, says] of unusable) {
      const file = join(folder.path, `token-${content.length}`);
      if (content !== '') await writeFile(file, content);
      const program = runReceiver({
        VITRINE_DATA: folder.path,
        VITRINE_RECEIVER_PORT: '0',
        VITRINE_RECEIVER_DEPLOY_TOKEN_FILE: file,
      });
      assert.equal(await program.exited, 1, what);
      assert.match(program.said(), /^Cannot use VITRINE_RECEIVER_DEPLOY_TOKEN_FILE: .+; .+\.\n$/, what);
      assert.match(program.said(), says, what);
    }
  });

  it('do not open to web pages where there is no token', async () => {
    await using at = await startToldReceiver();
    const fromPage = await at.receiver.post('/events', bodies['/events'], { origin: 'https://example.org' });
    assert.deepEqual([fromPage.status, fromPage.json.code], [403, 'forbidden']);
    const ask = (host: string) =>
      speak(at.receiver.port, `GET /alerts HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.match(await ask(`rebound.example.org:${at.receiver.port}`), /^HTTP\/1\.1 403 /);
    for (const host of ['localhost', '127.0.0.1:8010', '[::1]:8010'])
      assert.match(await ask(host), /^HTTP\/1\.1 200 /, host);
  });

  it('do not open beyond this machine without tokens', async () => {
    await using folder = await temporaryFolder();
    const program = runReceiver({ VITRINE_DATA: folder.path, VITRINE_RECEIVER_PORT: '0', VITRINE_BIND: '0.0.0.0' });
    assert.equal(await program.exited, 1);
    assert.match(program.said(), /^Cannot listen on 0\.0\.0\.0: .*VITRINE_RECEIVER_ALERTS_TOKEN_FILE.*\.\n$/);
  });

  it('say who has the port, and that another receiver has the data', async () => {
    await using at = await startToldReceiver();
    await using folder = await temporaryFolder();
    const samePort = runReceiver({ VITRINE_DATA: folder.path, VITRINE_RECEIVER_PORT: String(at.receiver.port) });
    assert.equal(await samePort.exited, 1);
    assert.match(
      samePort.said(),
      /^Cannot listen on 127\.0\.0\.1:\d+: the port is taken; .*VITRINE_RECEIVER_PORT\.\n$/,
    );
    const sameData = runReceiver({ VITRINE_DATA: at.folder, VITRINE_RECEIVER_PORT: '0' });
    assert.equal(await sameData.exited, 1);
    assert.match(sameData.said(), /^Cannot work in .*: another receiver works in it; .*VITRINE_DATA.*\.\n$/);
  });

  it('refuse brackets and the like before they parse them', async () => {
    await using at = await startToldReceiver();
    for (const path of paths) {
      const { status, json } = await at.receiver.post(path, '['.repeat(2 ** 20));
      assert.deepEqual([status, json.code], [400, 'invalid_body']);
      assert.match(String(json.error), /is nested more than 64 levels deep|has more than 64 arrays/);
    }
  });

  it('take what comes with an expectation that nobody knows', async () => {
    await using at = await startToldReceiver();
    const headers = { Expect: 'the-unexpected' };
    const sent = request(`${at.receiver.url}/deploy`, { method: 'POST', headers }).end(bodies['/deploy']);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    assert.equal(answer.statusCode, 200);
    answer.resume();
  });

  it('refuse a body that is too large, declared or not, and count it', async () => {
    await using at = await startToldReceiver({ VITRINE_RECEIVER_BODY_BYTES_MAX: '2048' });
    const large = `{"version":"${'x'.repeat(10_000)}"}`;
    const declared = await at.receiver.post('/deploy', large);
    assert.deepEqual([declared.status, declared.json.code], [413, 'body_too_large']);
    const chunked = await fetch(`${at.receiver.url}/deploy`, {
      method: 'POST',
      body: new Blob([large]).stream(),
      duplex: 'half',
    } as RequestInit);
    assert.equal(chunked.status, 413);
    await waitFor(
      'the count',
      () => at.told.course('vitrine.receiver.refused', { door: 'deploy', reason: 'body_too_large' }).at(-1) === 2,
    );
    assert.equal((await at.receiver.post('/deploy', { version: '1' })).status, 200);
  });

  it('do not wait for a slow body, and have a place for others meanwhile only within the limit', async () => {
    await using at = await startToldReceiver({
      VITRINE_RECEIVER_BODY_MS_MAX: '1500',
      VITRINE_RECEIVER_REQUESTS_MAX: '1',
    });
    const slow = speak(
      at.receiver.port,
      'POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"kind":',
    );
    await waitFor('a refusal', async () => (await at.receiver.post('/deploy', { version: '1' })).status === 503);
    const answer = await slow;
    assert.match(answer, /^HTTP\/1\.1 408 .*"code":"body_too_slow"/s);
    assert.match(answer, /connection: close/i);
    assert.equal((await at.receiver.post('/deploy', { version: '1' })).status, 200);
    for (const [door, reason] of [
      ['events', 'body_too_slow'],
      ['deploy', 'busy'],
    ] as const) {
      await waitFor(reason, () => (at.told.course('vitrine.receiver.refused', { door, reason }).at(-1) ?? 0) > 0);
    }
  });

  it('end a connection whose headers do not come, and forget a caller who leaves', async () => {
    await using at = await startToldReceiver({
      VITRINE_RECEIVER_BODY_MS_MAX: '1000',
      VITRINE_RECEIVER_REQUESTS_MAX: '1',
    });
    assert.match(await speak(at.receiver.port, 'POST /events HTTP/1.1\r\nHost: localhost\r\n'), /^HTTP\/1\.1 408 /);
    const leaving = connect(at.receiver.port, '127.0.0.1');
    leaving.write('POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"kind":', () =>
      leaving.destroy(),
    );
    await waitFor(
      'the count',
      () => at.told.course('vitrine.receiver.refused', { door: 'events', reason: 'body_incomplete' }).at(-1) === 1,
    );
    assert.equal((await at.receiver.post('/events', bodies['/events'])).status, 200);
  });

  it('answer what is no HTTP as they answer everything else, and count it', async () => {
    await using at = await startToldReceiver();
    for (const bytes of ['no HTTP\r\n\r\n', 'GET /live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n']) {
      const answer = await speak(at.receiver.port, bytes);
      assert.match(answer, /^HTTP\/1\.1 400 .*"error":"Cannot (read|take) the request: .*"code":"invalid_request"/s);
    }
    await waitFor(
      'the count',
      () => at.told.course('vitrine.receiver.refused', { door: 'any', reason: 'invalid_request' }).at(-1) === 2,
    );
  });

  it('take what is packed', async () => {
    await using at = await startToldReceiver();
    const answer = await fetch(`${at.receiver.url}/deploy`, {
      method: 'POST',
      headers: { 'content-encoding': 'gzip' },
      body: gzipSync(JSON.stringify({ version: '1' })),
    });
    assert.equal(answer.status, 200);
  });

  it('refuse connections beyond the limit in words, and count them', async () => {
    await using at = await startToldReceiver({ VITRINE_RECEIVER_CONNECTIONS_MAX: '2' });
    const held = Array.from({ length: 2 }, () => connect(at.receiver.port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(held.map((socket) => once(socket, 'connect')));
    await waitFor('a refusal in words', async () =>
      /^HTTP\/1\.1 503 .*VITRINE_RECEIVER_CONNECTIONS_MAX/s.test(
        await speak(at.receiver.port, 'GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
      ),
    );
    await waitFor(
      'the count',
      () => (at.told.course('vitrine.receiver.refused', { door: 'any', reason: 'connections' }).at(-1) ?? 0) > 0,
    );
    for (const socket of held) socket.destroy();
    await waitFor('a place', async () => (await at.receiver.post('/deploy', { version: '1' })).status === 200);
  });

  const alert = alertmanagerWebhook({}).alerts[0]!;
  const junk: [keyof typeof bodies, string, unknown, RegExp][] = [
    ['/alerts', 'no JSON', 'alerts', /not valid JSON/],
    ['/alerts', 'no object', [], /all of it/],
    ['/alerts', 'no version', { ...alertmanagerWebhook({}), version: undefined }, /version/],
    ['/alerts', 'an old version', { ...alertmanagerWebhook({}), version: '3' }, /version/],
    ['/alerts', 'no alerts', { ...alertmanagerWebhook({}), alerts: [] }, /alerts/],
    [
      '/alerts',
      'an unknown state',
      { ...alertmanagerWebhook({}), alerts: [{ ...alert, status: 'muted' }] },
      /alerts\.0\.status/,
    ],
    [
      '/alerts',
      'labels that are no texts',
      { ...alertmanagerWebhook({}), alerts: [{ ...alert, labels: { a: 1 } }] },
      /alerts\.0\.labels/,
    ],
    [
      '/alerts',
      'no moment',
      { ...alertmanagerWebhook({}), alerts: [{ ...alert, startsAt: 'today' }] },
      /alerts\.0\.startsAt/,
    ],
    [
      '/alerts',
      'an odd fingerprint',
      { ...alertmanagerWebhook({}), alerts: [{ ...alert, fingerprint: '../x' }] },
      /fingerprint/,
    ],
    ['/deploy', 'no JSON', '', /not valid JSON/],
    ['/deploy', 'no version', {}, /version/],
    ['/deploy', 'a version with spaces', { version: '1 2' }, /version/],
    ['/deploy', 'an unknown field', { version: '1', branch: 'x' }, /branch/],
    ['/deploy', 'a link that runs', { version: '1', link: 'javascript:alert(1)' }, /link/],
    ['/deploy', 'a long note', { version: '1', note: 'x'.repeat(1_001) }, /note/],
    ['/deploy', 'no moment', { version: '1', at: 'now' }, /at/],
  ];
  it('refuse junk with the reason, tell nothing of it, and go on', async () => {
    await using at = await startToldReceiver();
    for (const [path, what, body, says] of junk) {
      const refused = await at.receiver.post(path, typeof body === 'string' ? body : JSON.stringify(body));
      assert.deepEqual([refused.status, refused.json.code], [400, 'invalid_body'], `${path}: ${what}`);
      assert.match(String(refused.json.error), says, `${path}: ${what}`);
    }
    const packedAs = (encoding: string) =>
      at.receiver.post('/alerts', bodies['/alerts'], { 'content-encoding': encoding });
    assert.deepEqual(
      [(await packedAs('br')).json.code, (await packedAs('gzip')).json.code],
      ['encoding_not_supported', 'invalid_body'],
    );
    assert.equal(
      (await at.receiver.post('/deploy', { version: '1' }, { 'idempotency-key': 'x'.repeat(256) })).status,
      400,
    );
    assert.equal((await fetch(`${at.receiver.url}/alerts`, { method: 'DELETE' })).status, 405);
    assert.equal((await fetch(`${at.receiver.url}/nothing`)).status, 404);
    assert.equal((await at.receiver.post('/deploy', bodies['/deploy'])).status, 200);
    await waitFor('the release', () => at.told.events('deploy').length === 1);
    assert.deepEqual(at.told.events('alert'), []);
    await waitFor(
      'the refusals',
      () => at.told.course('vitrine.receiver.refused', { door: 'alerts', reason: 'invalid_body' }).at(-1) === 10,
    );
  });

  it('refuse a webhook with more alerts than the limit', async () => {
    await using at = await startToldReceiver({ VITRINE_RECEIVER_ALERTS_MAX: '2' });
    const three = alertmanagerWebhook({ fingerprint: 'a' }, { fingerprint: 'b' }, { fingerprint: 'c' });
    const refused = await at.receiver.post('/alerts', three);
    assert.deepEqual([refused.status, refused.json.code], [413, 'body_too_large']);
    assert.match(String(refused.json.error), /max_alerts/);
  });

  it('take a release mark as a log event', async () => {
    await using at = await startToldReceiver();
    await at.receiver.post('/deploy', {
      version: '2.0.0',
      service: 'vitrine',
      commit: 'abc123',
      by: 'ci',
      note: 'new engine',
      link: 'https://example.org/2',
      at: '2026-11-21T10:00:00Z',
    });
    const [mark] = await waitFor('the mark', () => at.told.events('deploy').length === 1 && at.told.events('deploy'));
    assert.equal(mark?.body, 'Release of vitrine 2.0.0');
    assert.equal(mark?.attributes['deploy.version'], '2.0.0');
    assert.equal(mark?.attributes['deploy.environment'], 'development');
    assert.equal(mark?.attributes['deploy.link'], 'https://example.org/2');
  });

  it('finish what is being taken when the receiver is told to stop, and leave what cannot be sent on disk', async () => {
    await using folder = await temporaryFolder();
    await using receiver = await startReceiver({
      VITRINE_DATA: folder.path,
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      VITRINE_STOP_MS_MAX: '2000',
    });
    const socket = connect(receiver.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (text) => (answer += text));
    const body = bodies['/events'];
    socket.write(
      `POST /events HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
    );
    await waitFor('the receiver to read', () => answer.includes('100 Continue'));
    const stopped = receiver.kill('SIGTERM');
    await waitFor('the shut door', async () => (await fetch(receiver.url).catch(() => undefined)) === undefined);
    socket.write(body);
    await stopped;
    assert.match(answer, /HTTP\/1\.1 200 .*"accepted":1/s);
    assert.match(receiver.said(), /Telemetry of vitrine-receiver: .*spooled/);
    assert.ok((await readdir(join(folder.path, 'receiver/spool/logs'))).length > 0);
  });
});

/** Writes raw bytes and answers everything that comes back until the other side closes. */
async function speak(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(text);
  let heard = '';
  for await (const chunk of socket) heard += String(chunk);
  return heard;
}
