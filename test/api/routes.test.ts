import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { AccessControl } from '../../src/api/access/access-control.ts';
import { newApiKey } from '../../src/api/access/api-keys.ts';
import { inferenceRoutes, pageRoutes, serviceRoutes, type Word } from '../../src/api/routes.ts';
import { readConfig } from '../../src/config.ts';
import { addRoutes, type Guard, type Handlers, refuseRoutesWithoutWord } from '../../src/http/add-routes.ts';
import { receiverLimits } from '../../src/http/http-limits.ts';
import { createHttpServer } from '../../src/http/http-server.ts';
import type { AnyWord, RouteTable, Verb } from '../../src/http/route-table.ts';
import { ServerTls } from '../../src/http/tls/server-tls.ts';
import { Lifecycle } from '../../src/lifecycle.ts';
import { RequestMetrics } from '../../src/observe/request-metrics.ts';
import { createReceiver } from '../../src/receiver/app.ts';
import { PushedSeries } from '../../src/receiver/pushed-series.ts';
import { ReceiverMetrics } from '../../src/receiver/receiver-metrics.ts';
import { type Word as ReceiverWord, receiverRoutes } from '../../src/receiver/routes.ts';
import { SharedDeliveries } from '../../src/receiver/shared-deliveries.ts';
import { Store } from '../../src/receiver/store.ts';
import { Watchdog } from '../../src/receiver/watchdog.ts';
import { startTelemetry } from '../../src/telemetry/export/start.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { identity } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { type ServedApi, serveApi } from './serve-api.ts';

const adminToken = 'an-admin-token-of-this-test';
const keys = { all: newApiKey('all'), other: newApiKey('other'), few: newApiKey('few') };

/** What a web page of another origin, or one that gave its name our address, sends along. */
const foreign: Record<string, Record<string, string>> = {
  'a foreign Host': { host: 'evil.example' },
  'a foreign Host with a port': { host: 'evil.example:8000' },
  'the Origin of another page': { origin: 'https://evil.example' },
  'the Origin null': { origin: 'null' },
  'Sec-Fetch-Site: cross-site': { 'sec-fetch-site': 'cross-site' },
  'Sec-Fetch-Site: same-site': { 'sec-fetch-site': 'same-site' },
};
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

type Asked<Of extends AnyWord = Word> = { verb: string; path: string; word: Of; pattern: string };

describe('each route of the service', function () {
  this.timeout(60_000);
  const folder = temporaryFolder();
  let api: ServedApi;
  let open: ServedApi;

  before(async () => {
    const { path } = await folder;
    const apiKeysFile = join(path, 'keys.json');
    const adminTokenFile = join(path, 'admin-token');
    const entries = [
      keys.all.entry,
      { ...keys.other.entry, models: ['other*'] },
      { ...keys.few.entry, infer_per_minute: 1, tasks_per_minute: 1 },
    ];
    await writeFile(apiKeysFile, JSON.stringify({ keys: entries }));
    await writeFile(adminTokenFile, `${adminToken}\n`);
    const models = { copy: { onnx: identity('FP32') } };
    api = await serveApi(models, { apiKeysFile, adminTokenFile, pageOn: true });
    open = await serveApi(models, { pageOn: true });
  });

  after(async () => {
    await api?.[Symbol.asyncDispose]();
    await open?.[Symbol.asyncDispose]();
    await (await folder)[Symbol.asyncDispose]();
  });

  it('has a word, and the table has no route that is not served', () => {
    const served = api.routes.filter((route) => !route.startsWith('_all')).sort();
    assert.deepEqual(
      served,
      [...asked<Word>(serviceRoutes), ...asked<Word>(pageRoutes)]
        .map(({ verb, pattern }) => `${verb} ${pattern}`)
        .sort(),
    );
  });

  for (const [what, headers] of Object.entries(foreign))
    it(`is closed to web pages of others unless it is open: ${what}`, async () => {
      await forEveryWay(async (each) => {
        const allowed = each.word.may === 'administrator' ? adminToken : keys.all.key;
        for (const [at, credentials] of [
          [api, bearer(allowed)],
          [open, {}],
        ] as const) {
          const { status, body } = await ask(at.port, each, { ...credentials, ...headers });
          if (each.word.may === 'open') assert.ok(![401, 403].includes(status), `${nameOf(each)}: ${status}`);
          else assert.deepEqual([status, codeOf(body)], [403, 'forbidden'], nameOf(each));
        }
      });
    });

  it('lets in our own page', async () => {
    await forEveryWay(async (each) => {
      const own = { origin: `http://127.0.0.1:${open.port}`, 'sec-fetch-site': 'same-origin' };
      assert.ok(![401, 403].includes((await ask(open.port, each, own)).status), nameOf(each));
    });
  });

  it('wants a key that is known, unless it is open', async () => {
    const wrong = [
      {},
      bearer('vitrine_nobody-knows-this-key'),
      bearer(`${adminToken}x`),
      { 'x-api-key': 'x' },
      { authorization: 'Basic abc' },
    ];
    await forEveryWay(async (each) => {
      for (const headers of wrong) {
        const { status } = await ask(api.port, each, headers);
        if (each.word.may === 'open') assert.ok(![401, 403].includes(status), `${nameOf(each)}: ${status}`);
        else assert.equal(status, 401, `${nameOf(each)} with ${JSON.stringify(headers)}`);
      }
    });
  });

  it('is for the administrator alone where its word says so', async () => {
    await forEveryWay(async (each) => {
      const byKey = (await ask(api.port, each, bearer(keys.all.key))).status;
      if (each.word.may === 'administrator') assert.equal(byKey, 403, nameOf(each));
      else assert.ok(![401, 403].includes(byKey), `${nameOf(each)}: ${byKey}`);
      assert.ok(![401, 403].includes((await ask(api.port, each, bearer(adminToken))).status), nameOf(each));
    });
  });

  it('keeps a key to its models wherever the path names one', async () => {
    await forEveryWay(async (each) => {
      const { status } = await ask(api.port, each, bearer(keys.other.key));
      // A task is held against the model that its parameters name.
      if (each.word.may === 'client' && each.word.quota === 'tasks') return;
      const refused = each.word.may === 'administrator' || each.pattern.includes(':model');
      assert.equal(status === 403, refused, `${nameOf(each)}: ${status}`);
    });
  });

  it('takes from the quota that its word names, and from no other', async () => {
    await forEveryWay(async (each) => {
      const { headers } = await ask(api.port, each, bearer(keys.all.key));
      const quota = each.word.may === 'client' ? each.word.quota : undefined;
      assert.equal(/^"(\w+)";/.exec(String(headers.ratelimit ?? ''))?.[1], quota, nameOf(each));
    });
    const refused = new Set<string>();
    for (let round = 0; round < 2; round += 1)
      for (const each of everyWay())
        if ((await ask(api.port, each, bearer(keys.few.key))).status === 429) refused.add(nameOf(each));
    for (const each of everyWay()) {
      const isLimited = each.word.may === 'client' && (each.word.quota === 'infer' || each.word.quota === 'tasks');
      assert.equal(refused.has(nameOf(each)), isLimited, nameOf(each));
    }
  });

  it('answers its other verbs alike to everybody, with 405', async () => {
    for (const path of new Set(everyWay().map(({ path }) => path))) {
      assert.equal((await ask(api.port, { verb: 'put', path }, {})).status, 405, path);
    }
  });
});

describe('each route of the receiver', () => {
  it('is closed to web pages and to those without its token, unless it is open', async () => {
    await using folder = await temporaryFolder();
    const tokens = {
      alerts: 'a-token-for-the-alerts',
      deploy: 'a-token-for-the-deploys',
      events: 'a-token-for-the-events',
    };
    for (const [name, token] of Object.entries(tokens)) await writeFile(join(folder.path, name), token);
    await using without = await serveReceiver(join(folder.path, 'without'), {});
    await using withTokens = await serveReceiver(join(folder.path, 'with'), {
      receiverAlertsTokenFile: join(folder.path, 'alerts'),
      receiverDeployTokenFile: join(folder.path, 'deploy'),
      receiverEventsTokenFile: join(folder.path, 'events'),
    });
    for (const each of asked<ReceiverWord>(receiverRoutes)) {
      const { word } = each;
      const expectOf = (status: number) => (word.may === 'open' ? [200] : [status]);
      for (const [what, headers] of Object.entries(foreign)) {
        assert.ok(expectOf(403).includes((await ask(without.port, each, headers)).status), `${nameOf(each)}: ${what}`);
        if (word.may !== 'client' || 'host' in headers) continue;
        const known = bearer(tokens[word.token]);
        assert.equal(
          (await ask(withTokens.port, each, { ...known, ...headers })).status,
          403,
          `${nameOf(each)}: ${what}`,
        );
      }
      for (const headers of [{}, bearer('a-token-that-nobody-knows'), { authorization: 'Basic abc' }])
        assert.ok(expectOf(401).includes((await ask(withTokens.port, each, headers)).status), nameOf(each));
      for (const [name, token] of Object.entries(tokens)) {
        const { status } = await ask(withTokens.port, each, bearer(token));
        const passes = word.may !== 'client' || word.token === name;
        assert.equal(status === 401, !passes, `${nameOf(each)} with the token of ${name}: ${status}`);
      }
    }
  });
});

describe('a route without a word', () => {
  const open = { may: 'open' } as const;
  const nothing = () => undefined;
  const guard: Guard<AnyWord, void> = () => nothing;

  it('ends the start, whichever way it was added', () => {
    const table = { '/one': { get: open } } as const;
    // @ts-expect-error a path that the table does not have
    const more = { '/one': { get: nothing }, '/two': { get: nothing } } as const satisfies Handlers<typeof table, void>;
    // @ts-expect-error a word of the table without a handler
    const fewer = {} satisfies Handlers<typeof table, void>;
    const add = (handlers: object) => () => addRoutes(express(), { table, handlers: handlers as never, guard });
    assert.throws(add(more), /nothing says who may use GET \/two.*routes\.ts/);
    assert.throws(add({ '/one': { get: nothing, post: nothing } }), /nothing says who may use POST \/one/);
    assert.throws(add(fewer), /GET \/one has no handler/);

    const app = express();
    addRoutes(app, { table, handlers: { '/one': { get: nothing } }, guard });
    refuseRoutesWithoutWord(app, [table]);
    app.get('/aside', nothing);
    assert.throws(() => refuseRoutesWithoutWord(app, [table]), /nothing says who may use GET \/aside/);
  });
});

describe('a proxy that is trusted', () => {
  it('ends the start where there are no API keys: every stranger would be the administrator', async () => {
    await assert.rejects(
      AccessControl.open({ ...readConfig({}), trustProxy: '10.0.0.0/8' }, new Meter()),
      /Cannot trust a proxy: there are no API keys.*VITRINE_API_KEYS_FILE.*VITRINE_TRUST_PROXY/,
    );
  });
});

/** Side by side: the cases are many, and none needs another. */
async function forEveryWay(act: (each: Asked) => Promise<void>): Promise<void> {
  await Promise.all(everyWay().map(act));
}

function asked<Of extends AnyWord>(table: RouteTable<Of>): Asked<Of>[] {
  return Object.entries(table).flatMap(([pattern, verbs]) =>
    (Object.entries(verbs) as [Verb, Of][]).map(([verb, word]) => ({ verb, word, pattern, path: pathOf(pattern) })),
  );
}

/** Every route and verb; of inference both ways in, of GET also HEAD. */
function everyWay(): Asked[] {
  const all: Asked[] = [...asked<Word>(serviceRoutes), ...asked<Word>(pageRoutes)];
  return [
    ...all,
    ...all
      .filter(({ verb, pattern }) => verb === 'get' && pattern !== '/v1/jobs/:id/events')
      .map((each) => ({ ...each, verb: 'head' })),
    // What is not in its plain form goes through the router.
    ...all
      .filter(({ pattern }) => pattern in inferenceRoutes)
      .map((each) => ({ ...each, path: `${each.path}?routed` })),
  ];
}

function pathOf(pattern: string): string {
  return pattern
    .replace(':model', 'copy')
    .replace(':version', '1')
    .replace(':backend', 'prometheus')
    .replace('*path', 'api/v1/nothing')
    .replace(/:\w+/g, 'none');
}

function nameOf({ verb, path }: Pick<Asked, 'verb' | 'path'>): string {
  return `${verb.toUpperCase()} ${path}`;
}

async function ask(port: number, { verb, path }: Pick<Asked, 'verb' | 'path'>, headers: Record<string, string>) {
  const asking = request({ port, host: '127.0.0.1', path, method: verb.toUpperCase(), headers, agent: false });
  asking.end();
  const [answer] = (await once(asking, 'response')) as [IncomingMessage];
  let body = '';
  for await (const piece of answer) body += String(piece);
  // To HEAD there is no body.
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: body === '' ? undefined : body };
}

function codeOf(body: string | undefined): string {
  return body === undefined ? 'forbidden' : (JSON.parse(body) as { code: string }).code;
}

async function serveReceiver(data: string, settings: object) {
  const config = { ...readConfig({}), data, telemetryOff: true, ...settings };
  const store = Store.open(data, config);
  const meter = new Meter();
  const series = new PushedSeries(store, config);
  const metrics = new ReceiverMetrics({ meter, store, series });
  const lifecycle = new Lifecycle();
  lifecycle.becomeReady();
  const requestMetrics = new RequestMetrics(meter);
  const tls = await ServerTls.open(config, meter);
  const app = createReceiver({
    config,
    tls,
    lifecycle,
    telemetry: await startTelemetry(config, { name: 'vitrine-receiver', folder: 'receiver', host: false, meter }),
    requestMetrics,
    store,
    shared: await SharedDeliveries.open(store, config, meter),
    watchdog: new Watchdog(meter, config.receiverWatchdogMsMax),
    series,
    metrics,
  });
  const server = createHttpServer(receiverLimits(config), lifecycle, app, requestMetrics, tls).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      tls[Symbol.dispose]();
      store.close();
    },
  };
}
