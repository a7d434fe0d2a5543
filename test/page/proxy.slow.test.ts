import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Config } from '../../src/config.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { serveApi } from '../api/serve-api.ts';

/**
 * Answers on command, for what the real stores cannot be made to answer on demand; it keeps what it
 * was asked.
 */
class ToldBackend implements AsyncDisposable {
  readonly asked: string[] = [];
  answer: (response: ServerResponse) => void = (response) => response.end('{"data":{"result":[]}}');
  left = 0;
  readonly #server: Server = createServer((request, response) => {
    this.asked.push(request.url ?? '');
    response.once('close', () => (this.left += response.writableFinished ? 0 : 1));
    this.answer(response);
  });

  static async start(): Promise<ToldBackend> {
    const backend = new ToldBackend();
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve));
    return backend;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get queries(): string[] {
    return this.asked.map((url) => new URL(url, 'http://backend').searchParams.get('query') ?? '');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function withBackend(settings: Partial<Config> = {}) {
  const backend = await ToldBackend.start();
  const { port } = backend;
  const api = await serveApi(
    {},
    { prometheusPort: port, tempoPort: port, lokiPort: port, alertmanagerPort: port, ...settings },
  );
  return {
    backend,
    api,
    ask: async (path: string, init?: RequestInit) => {
      const response = await api.fetch(`/backends/${path}`, init);
      return {
        status: response.status,
        headers: response.headers,
        body: (await response.json()) as { code?: string; error?: string },
      };
    },
    [Symbol.asyncDispose]: async () => {
      await api[Symbol.asyncDispose]();
      await backend[Symbol.asyncDispose]();
    },
  };
}

describe('the proxy of the page', function () {
  this.timeout(60_000);

  it('passes on the questions of its list, and what is answered', async () => {
    await using given = await withBackend();
    const { status, headers } = await given.ask(
      'prometheus/api/v1/query_range?query=up%7Bjob%3D%22a%22%7D&start=1&end=2.5&step=15s',
    );
    assert.equal(status, 200);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(given.backend.asked[0], '/api/v1/query_range?query=up%7Bjob%3D%22a%22%7D&start=1&end=2.5&step=15s');
    for (const path of [
      'prometheus/api/v1/label/model/values?match[]=up&match[]=down',
      `tempo/api/v2/traces/${'a'.repeat(32)}`,
      'tempo/api/search?q=%7B%7D&limit=100',
      'alertmanager/api/v2/alerts?active=true',
    ])
      assert.equal((await given.ask(path)).status, 200, path);
  });

  const refused: readonly [string, string, number][] = [
    ['another backend', 'grafana/api/v1/query?query=up', 404],
    ['a path that is not of the list', 'prometheus/api/v1/admin/tsdb/snapshot', 404],
    ['a way out of the path', 'prometheus/api/v1/query/../../../-/quit', 404],
    ['a coded way out of the path', 'prometheus/api/v1/label/%2e%2e%2fquit/values', 404],
    ['a trace id that is none', 'tempo/api/v2/traces/xyz', 404],
    ['an unknown parameter', 'prometheus/api/v1/query?query=up&timeout=1h', 400],
    ['a parameter twice', 'prometheus/api/v1/query?query=up&query=down', 400],
    ['a parameter by the name of a method', 'prometheus/api/v1/query?query=up&toString=1', 400],
    ['a limit over the limit', 'tempo/api/search?q=%7B%7D&limit=101', 400],
    ['a time that is none', 'prometheus/api/v1/query?query=up&time=yesterday', 400],
    ['a query that is too long', `prometheus/api/v1/query?query=${'u'.repeat(8193)}`, 400],
    ['Loki without a query', 'loki/loki/api/v1/label/log_stream/values', 400],
    ...[
      'prometheus/api/v1/write',
      'prometheus/api/v1/otlp/v1/metrics',
      'prometheus/api/v1/admin/tsdb/delete_series',
      'prometheus/api/v1/series?match[]=up',
      'prometheus/api/v1/status/config',
      'prometheus/api/v1/targets',
      'prometheus/federate?match[]=up',
      'prometheus/-/reload',
      'tempo/api/metrics/query_range?q=%7B%7D%7Crate()',
      'tempo/api/overrides',
      'tempo/flush',
      'tempo/shutdown',
      'tempo/status/config',
      'loki/loki/api/v1/push',
      'loki/loki/api/v1/delete',
      'loki/loki/api/v1/series?match[]=%7B%7D',
      'loki/loki/api/v1/tail?query=%7B%7D',
      'loki/loki/api/v1/index/volume?query=%7B%7D',
      'loki/config',
      'loki/flush',
      'alertmanager/-/reload',
      'alertmanager/api/v2/status',
      'alertmanager/api/v2/receivers',
    ].map((path): [string, string, number] => [`what may change it, cost much or tell too much: ${path}`, path, 404]),
  ];
  for (const [what, path, status] of refused)
    it(`refuses ${what}, and asks nobody`, async () => {
      await using given = await withBackend();
      const answered = await given.ask(path);
      assert.equal(answered.status, status, JSON.stringify(answered.body));
      assert.match(answered.body.error ?? '', /^Cannot /);
      assert.deepEqual(given.backend.asked, []);
    });

  it('only reads: no other verb passes', async () => {
    await using given = await withBackend();
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
      assert.equal((await given.ask('alertmanager/api/v2/silences', { method })).status, 405);
    assert.deepEqual(given.backend.asked, []);
  });

  it('says that a backend is away, with the settings that name it', async () => {
    await using given = await withBackend();
    const { port } = given.backend;
    await given.backend[Symbol.asyncDispose]().catch(() => undefined);
    const { status, body } = await given.ask('tempo/api/search?q=%7B%7D');
    assert.equal(status, 503);
    assert.equal(body.code, 'backend_away');
    assert.match(body.error ?? '', new RegExp(`127\\.0\\.0\\.1:${port}.*VITRINE_TEMPO_HOST`));
  });

  it('waits no longer than it may', async () => {
    await using given = await withBackend({ proxyMsMax: 200 });
    given.backend.answer = () => undefined;
    const { status, body } = await given.ask('prometheus/api/v1/query?query=up');
    assert.equal(status, 504);
    assert.equal(body.code, 'backend_slow');
  });

  it('passes on no answer that is too large', async () => {
    await using given = await withBackend({ proxyBytesMax: 1024 });
    given.backend.answer = (response) => response.end('x'.repeat(1025));
    const { status, body } = await given.ask('prometheus/api/v1/query?query=up');
    assert.equal(status, 502);
    assert.equal(body.code, 'backend_answer_too_large');
  });

  it('gives a backend’s own words when it refuses, and tells its failures from ours', async () => {
    await using given = await withBackend();
    given.backend.answer = (response) => {
      response.statusCode = 400;
      response.end('parse error: unexpected }');
    };
    const refusal = await given.ask('prometheus/api/v1/query?query=%7D');
    assert.deepEqual([refusal.status, refusal.body.code], [400, 'backend_refused']);
    assert.match(refusal.body.error ?? '', /unexpected }/);
    given.backend.answer = (response) => {
      response.statusCode = 500;
      response.end('boom');
    };
    assert.deepEqual([(await given.ask('prometheus/api/v1/query?query=up')).status], [502]);
    given.backend.answer = (response) => {
      response.statusCode = 302;
      response.setHeader('Location', 'http://127.0.0.1:1/elsewhere');
      response.end();
    };
    assert.equal(
      (await given.ask('prometheus/api/v1/query?query=up')).body.code,
      'backend_failed',
      'no redirect is followed',
    );
  });

  it('asks no longer once its caller has left', async () => {
    // It is not its own patience that ends it.
    await using given = await withBackend({ proxyMsMax: 600_000 });
    given.backend.answer = () => undefined;
    const leaving = new AbortController();
    const asked = given.api
      .fetch('/backends/prometheus/api/v1/query?query=up', { signal: leaving.signal })
      .catch(() => undefined);
    await waitFor('the question', () => given.backend.asked.length === 1);
    leaving.abort();
    await asked;
    await waitFor('the end of it', () => given.backend.left === 1);
  });

  it('has a limit of questions a minute, and of questions at once', async () => {
    await using hasty = await withBackend({ proxyPerMinuteMax: 2 });
    const answers = await Promise.all(Array.from({ length: 4 }, () => hasty.ask('prometheus/api/v1/query?query=up')));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 200, 429, 429]);
    await using crowded = await withBackend({ proxyInFlightMax: 1, proxyMsMax: 2_000 });
    crowded.backend.answer = () => undefined;
    const first = crowded.ask('prometheus/api/v1/query?query=up');
    await waitFor('the first', () => crowded.backend.asked.length === 1);
    assert.equal((await crowded.ask('prometheus/api/v1/query?query=up')).body.code, 'busy');
    await first;
  });

  it('is closed to pages of others', async () => {
    await using given = await withBackend();
    const { status } = await given.ask('prometheus/api/v1/query?query=up', {
      headers: { origin: 'http://elsewhere.example' },
    });
    assert.equal(status, 403);
  });

  it('asks for a key where there are keys, and gives audit and security to the administrator only', async () => {
    await using folder = await temporaryFolder();
    const key = 'a-key-of-thirty-two-random-bytes-say';
    const token = 'the-token-of-the-administrator';
    const apiKeysFile = join(folder.path, 'keys.json');
    const adminTokenFile = join(folder.path, 'token');
    await writeFile(apiKeysFile, JSON.stringify({ keys: [{ name: 'ada', sha256: hash('sha256', key) }] }));
    await writeFile(adminTokenFile, token);
    await using given = await withBackend({ apiKeysFile, adminTokenFile });
    const query = encodeURIComponent('{log_stream=~"audit|app"} |= "{x"');
    const path = `loki/loki/api/v1/query_range?query=${query}`;
    assert.equal((await given.ask(path)).status, 401);
    for (const own of ['/page/facts', '/page/dashboards', '/page/runbooks/ServiceDown'])
      assert.equal((await given.api.fetch(own)).status, 401, own);
    assert.equal((await given.ask(path, { headers: { authorization: `Bearer ${key}` } })).status, 200);
    assert.equal((await given.ask(path, { headers: { authorization: `Bearer ${token}` } })).status, 200);
    assert.deepEqual(given.backend.queries, [
      '{log_stream!~"audit|security",log_stream=~"audit|app"} |= "{x"',
      '{log_stream=~"audit|app"} |= "{x"',
    ]);
  });
});
