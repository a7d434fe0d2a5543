import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { newApiKey } from '../../src/api/access/api-keys.ts';
import { openApiDocument } from '../../src/api/openapi/openapi-document.ts';
import { pageRoutes, serviceRoutes } from '../../src/api/routes.ts';
import { readConfig } from '../../src/config.ts';
import type { RouteTable } from '../../src/http/route-table.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { toneWav } from '../../testkit/tone-wav.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ToldLog, ToldTelemetry } from '../receiver/told-telemetry.ts';

const adminToken = 'an-admin-token-of-this-test';
const guest = newApiKey('guest');
const few = newApiKey('few');
const loaded = 'silero-vad,harmonic-percussive';

/**
 * Each text that is sent has a number of its own, so that one which is found says where it came in.
 */
const sent: string[] = [];
function canary(where: string): string {
  sent.push(where);
  return `CANARY${sent.length - 1}x`;
}

const body = {
  bytes: (content: string | Buffer, type: string) => ({ content: Buffer.from(content), type }),
  json: (value: unknown) => body.bytes(JSON.stringify(value), 'application/json'),
};
type Body = ReturnType<typeof body.bytes>;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const isAct = (act: string, requestId: string) => (line: ToldLog) =>
  line.attributes.act === act && line.attributes['request.id'] === requestId;
type Sent = { status: number; headers: IncomingMessage['headers']; text: string };

describe('the records of a service', function () {
  this.timeout(600_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let told: ToldTelemetry;
  let service: ServiceProcess;
  let everything = '';

  before(async () => {
    folder = await temporaryFolder();
    told = await ToldTelemetry.start();
    const apiKeysFile = join(folder.path, 'keys.json');
    const adminTokenFile = join(folder.path, 'admin-token');
    await writeFile(
      apiKeysFile,
      JSON.stringify({
        keys: [
          { ...guest.entry, models: ['silero-vad', 'CANARY*'] },
          { ...few.entry, tasks_per_minute: 1 },
        ],
      }),
    );
    await writeFile(adminTokenFile, `${adminToken}\n`);
    service = await startService({
      VITRINE_DATA: folder.path,
      VITRINE_MODELS: ourModels,
      VITRINE_MODEL_CONTROL: 'explicit',
      VITRINE_LOAD_MODELS: loaded,
      VITRINE_API_KEYS_FILE: apiKeysFile,
      VITRINE_ADMIN_TOKEN_FILE: adminTokenFile,
      VITRINE_TASKS_PER_MINUTE_MAX: '100000',
      VITRINE_INFER_PER_MINUTE_MAX: '100000',
      VITRINE_PAGE: 'true',
      LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: told.endpoint,
    });
  });

  after(async () => {
    await service?.[Symbol.asyncDispose]();
    told?.stop();
    await folder?.[Symbol.asyncDispose]();
  });

  it('say who was refused what, for each 401, 403 and 429', async () => {
    const refusals = [
      ['get', '/v2', { authorization: 'Bearer vitrine_nobody-knows-this' }, 'caller_refused', 'anonymous', '/v2'],
      ['get', '/v2/models/harmonic-percussive', bearer(guest.key), 'caller_forbidden', 'guest', '/v2/models/:model'],
      [
        'post',
        '/v2/models/harmonic-percussive/infer',
        bearer(guest.key),
        'caller_forbidden',
        'guest',
        '/v2/models/:model/infer',
      ],
      ['post', '/v2/logging', bearer(guest.key), 'caller_forbidden', 'guest', '/v2/logging'],
      [
        'get',
        '/v1/jobs',
        { ...bearer(guest.key), origin: 'https://evil.example' },
        'caller_forbidden',
        'anonymous',
        '/v1/jobs',
      ],
      ['post', '/v1/generate', bearer(few.key), undefined, 'few', '/v1/generate'],
      ['post', '/v1/generate', bearer(few.key), 'caller_over_quota', 'few', '/v1/generate'],
    ] as const;
    for (const [at, [verb, path, headers, event, tenant, route]] of refusals.entries()) {
      const requestId = `refusal-${at}`;
      const answer = await send(verb, path, { ...headers, 'x-request-id': requestId });
      if (event === undefined) continue;
      const of = ({ attributes }: ToldLog) => attributes['request.id'] === requestId;
      const line = await waitFor(requestId, () => told.events(event).find(of));
      assert.equal(line.attributes['client.address'], '127.0.0.1');
      assert.equal(line.attributes.tenant, tenant);
      assert.equal(line.attributes['http.route'], route);
      assert.equal(line.attributes['http.request.method'], verb.toUpperCase());
      assert.equal(line.traceId, String(answer.headers.traceresponse).split('-')[1]);
      const access = await waitFor('its access line', () => told.events('http_request').find(of));
      assert.equal(access.attributes.tenant, tenant);
      assert.equal(access.attributes['client.address'], undefined, 'addresses are in the security log alone');
    }
  });

  it('count each refusal, though who guesses keys does not fill the log', async () => {
    const before = told.events('caller_refused').length;
    for (let at = 0; at < 40; at += 1) await send('get', '/v2', bearer(`vitrine_guess-number-${at}`));
    const counted = () =>
      told
        .events('caller_refused')
        .slice(before)
        .reduce((sum, { attributes }) => sum + Number(attributes.lines_unsaid ?? 1), 0);
    await waitFor('all of them', () => counted() === 40);
    assert.ok(!JSON.stringify(told.logs).includes('guess-number'));
  });

  it('say what an administrator changed, from what to what, with the outcome, and who tried in vain', async () => {
    const acts = [
      [
        '/v2/logging',
        { loggers: { access: 'warn' } },
        'log_settings',
        'ok',
        undefined,
        /"access":"debug"/,
        /"access":"warn"/,
      ],
      [
        '/v2/trace/setting',
        { trace_rate: '7' },
        'trace_settings',
        'ok',
        undefined,
        /"trace_rate":1000/,
        /"trace_rate":7/,
      ],
      [
        '/v2/repository/models/harmonic-percussive/unload',
        {},
        'model_unload',
        'ok',
        'harmonic-percussive',
        /^version 1$/,
        /^not loaded$/,
      ],
      [
        '/v2/repository/models/harmonic-percussive/load',
        {},
        'model_load',
        'ok',
        'harmonic-percussive',
        /^not loaded$/,
        /^version 1$/,
      ],
      [
        '/v2/repository/models/no-such-model/load',
        {},
        'model_load',
        'model_not_found',
        undefined,
        /^not loaded$/,
        /^not loaded$/,
      ],
      [
        '/v2/logging',
        { loggers: { access: 'nonsense' } },
        'log_settings',
        'invalid_body',
        undefined,
        /"access":"warn"/,
        undefined,
      ],
    ] as const;
    for (const [at, [path, change, act, outcome, model, from, to]] of acts.entries()) {
      const requestId = `act-${at}`;
      await send('post', path, { 'x-request-id': requestId }, body.json(change));
      const { attributes, traceId } = await waitFor(requestId, () => told.logs.find(isAct(act, requestId)));
      assert.deepEqual([attributes.outcome, attributes.model, attributes.tenant], [outcome, model, 'admin']);
      assert.match(String(attributes.from), from);
      if (to) assert.match(String(attributes.to), to);
      else assert.equal(attributes.to, undefined);
      assert.equal(attributes['client.address'], '127.0.0.1');
      assert.equal(traceId.length, 32);
    }
    await send('post', '/v2/logging', { ...bearer(guest.key), 'x-request-id': 'in-vain' }, body.json({}));
    const { attributes } = await waitFor('the refusal', () => told.logs.find(isAct('log_settings', 'in-vain')));
    assert.deepEqual([attributes.outcome, attributes.tenant], ['forbidden', 'guest']);
    assert.ok(!JSON.stringify(told.logs).includes('no-such-model'));
    await send('post', '/v2/logging', {}, body.json({ loggers: { access: 'debug' } }));
  });

  it('and answers tell a key of its own models alone, and a stranger of none', async () => {
    for (const path of ['/health', '/health/detailed']) {
      const stranger = (await send('get', path, { authorization: '' })).text;
      assert.doesNotMatch(stranger, /silero-vad|harmonic-percussive|free_bytes|total_bytes/);
      assert.match(stranger, /"status":/);
      const { text } = await send('get', path, bearer(guest.key));
      assert.match(text, /silero-vad/);
      assert.doesNotMatch(text, /harmonic-percussive/);
      assert.match((await send('get', path)).text, /harmonic-percussive.*total_bytes/);
    }
    const wav = toneWav({ seconds: 0.1, sampleRateHz: 16_000 });
    const separate = (headers: Record<string, string>) =>
      send('post', '/v1/separate', headers, form({ model_name: 'CANARY-model' }, [{ name: 'a.wav', content: wav }]));
    assert.match((await separate({})).text, /use one of: harmonic-percussive/);
    const ofGuest = await separate(bearer(guest.key));
    assert.equal(ofGuest.status, 404);
    assert.doesNotMatch(ofGuest.text, /harmonic-percussive/);
    assert.equal((await send('get', '/v2/models/harmonic-percussive/trace/setting', bearer(guest.key))).status, 403);
  });

  it('hold nothing that a caller wrote, whichever route, form or job it comes in by, and neither does the console', async () => {
    for (const table of [serviceRoutes, pageRoutes] as RouteTable[])
      for (const [path, verbs] of Object.entries(table))
        for (const verb of Object.keys(verbs)) {
          for (const filled of pathsOf(path, `${verb} ${path}`)) {
            await send(verb, `${filled}?${canary('query name')}=${canary('query value')}`);
            await send(verb, filled, hostileHeaders(`${verb} ${path}`));
            if (verb !== 'post') continue;
            for (const each of bodiesOf(path)) await send(verb, filled, undefined, each);
            // The same as jobs.
            if (/separate|generate|score|microstructure|speech/.test(path))
              for (const each of bodiesOf(path)) await send(verb, filled, { prefer: 'respond-async' }, each);
          }
        }
    await waitFor('the jobs to end', async () => {
      const { jobs } = JSON.parse((await send('get', '/v1/jobs?limit=1000')).text) as { jobs: { state: string }[] };
      return jobs.length > 0 && jobs.every(({ state }) => state !== 'waiting' && state !== 'running');
    });
    await service.kill('SIGTERM');
    everything = told.received.map((bytes) => bytes.toString('latin1')).join('\n');
    assert.ok(
      everything.includes('job_ended') && everything.includes('POST /v1/separate'),
      'the work itself is recorded',
    );
    const found = [...new Set(`${everything}${service.said()}`.match(/CANARY\d+x/gi) ?? [])];
    assert.deepEqual(
      found.map((each) => `${each}: ${sent[Number(/\d+/.exec(each)?.[0])]}`),
      [],
    );
    assert.ok(sent.length > 500, `${sent.length} were sent`);
  });

  /** As the administrator, whom everything is open to. */
  async function send(verb: string, path: string, headers: Record<string, string> = {}, given?: Body): Promise<Sent> {
    const asking = request(`${service.url}${path}`, {
      method: verb.toUpperCase(),
      agent: false,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(given && { 'content-type': given.type, 'content-length': given.content.length }),
        ...headers,
      },
    });
    asking.on('error', () => undefined);
    asking.end(given?.content);
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    let text = '';
    answer.on('error', () => undefined);
    for await (const piece of answer) text += String(piece);
    return { status: answer.statusCode ?? 0, headers: answer.headers, text };
  }
});

/** With each parameter made up, and with models that are there. */
function pathsOf(pattern: string, where: string): string[] {
  const made = pattern.replace(/[:*]\w+/g, (name) => canary(`${name} of ${where}`));
  const there = pattern
    .replace(':model', 'silero-vad')
    .replace(':version', '1')
    .replace(':backend', 'prometheus')
    .replace(/[:*]\w+/g, (name) => canary(`${name} of ${where}`));
  // Unloading what the other requests need would leave little to say.
  return pattern.includes('/unload') || made === there ? [made] : [made, there];
}

function hostileHeaders(where: string): Record<string, string> {
  const names = [
    'user-agent',
    'cookie',
    'referer',
    'from',
    'x-request-id',
    'idempotency-key',
    'last-event-id',
    'prefer',
  ];
  const more = [
    'x-request-timeout-ms',
    'inference-header-content-length',
    'accept',
    'x-vitrine-trace',
    'x-forwarded-for',
  ];
  return {
    ...Object.fromEntries([...names, ...more].map((name) => [name, canary(`${name} of ${where}`)])),
    'x-request-id': `not well-formed ${canary(`x-request-id of ${where}`)}`,
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    tracestate: `vendor=${canary(`tracestate of ${where}`)}`,
    baggage: `secret=${canary(`baggage of ${where}`)}`,
    authorization: where.endsWith('/live') ? `Bearer ${canary('a key')}` : `Bearer ${adminToken}`,
  };
}

type Schema = { properties?: Record<string, unknown>; anyOf?: Schema[] };
const described = openApiDocument(readConfig({})).paths as unknown as Record<
  string,
  { post?: { requestBody?: { content?: Record<string, { schema?: Schema }> } } }
>;

/**
 * Bodies with a made-up text in each member that the description names, one that it does not name,
 * and forms with files.
 */
function bodiesOf(pattern: string): Body[] {
  const content = described[pattern.replace(/:(\w+)/g, '{$1}')]?.post?.requestBody?.content ?? {};
  const members = (type: string) => Object.keys(content[type]?.schema?.properties ?? {});
  const json = members('application/json').flatMap((name) => [
    { [name]: canary(`${name} of ${pattern}`) },
    { [name]: [canary(`${name}[0] of ${pattern}`)] },
    { [name]: { [canary(`a member of ${name} of ${pattern}`)]: canary(`in ${name} of ${pattern}`) } },
  ]);
  return [
    body.bytes(`{"${canary('broken JSON')}": ${canary('broken JSON')}`, 'application/json'),
    ...[{ [canary('a member')]: canary('its value') }, [canary('an element')], ...json, ...inferences(pattern)].map(
      body.json,
    ),
    ...('multipart/form-data' in content || /separate|score|speech/.test(pattern)
      ? forms(pattern, members('multipart/form-data'))
      : []),
  ];
}

function inferences(pattern: string): unknown[] {
  if (/^\/v2\/.*\/generate/.test(pattern))
    return [
      { input: canary('a value') },
      { input: [canary('a value of many')] },
      { id: canary('id'), input: Array(576).fill(0), [canary('a member')]: [canary('its values')] },
      { input: Array(576).fill(0), [canary('a member')]: canary('its value') },
      { input: Array(576).fill(0), parameters: { [canary('a parameter')]: canary('its value') } },
    ];
  if (!pattern.endsWith('/infer')) return [];
  const input = { name: 'input', datatype: 'FP32', shape: [1, 576], data: [canary('data')] };
  return [
    { id: canary('id'), inputs: [input] },
    { inputs: [{ ...input, name: canary('an input’s name') }] },
    { inputs: [{ ...input, datatype: canary('a datatype') }] },
    { inputs: [{ ...input, datatype: 'BYTES', shape: [1] }] },
    { inputs: [{ ...input, parameters: { [canary('a parameter')]: canary('its value') } }] },
    { inputs: [{ ...input, data: Array(576).fill(0) }], outputs: [{ name: canary('an output’s name') }] },
  ];
}

function forms(pattern: string, fields: readonly string[]): Body[] {
  const wav = toneWav({ seconds: 0.2, sampleRateHz: 16_000 });
  const file = (content: string | Uint8Array) => ({ name: `${canary(`a file of ${pattern}`)}.wav`, content });
  const silent = Buffer.from(wav);
  return [
    form({}, [file('this is no sound')]),
    form({}, [file(wav)]),
    form({}, [file(silent.subarray(0, 60))]),
    form({}, [file(wav), file(wav)]),
    form({ model_name: canary('model_name') }, [file(wav)]),
    form({ stem: canary('stem') }, [file(wav)]),
    form({ stems: canary('stems') }, [file(wav)]),
    form({ format: 'json', model_name: canary('model_name of a job') }, [file(wav)]),
    form({ format: 'json', stem: canary('stem of a job') }, [file(wav)]),
    form({ format: 'json' }, [file('this is no sound')]),
    form({ [canary('a field')]: canary('its value') }, [file(wav)]),
    ...fields.map((name) => form({ [name]: canary(`${name} of a form`) }, [file(wav)])),
    body.bytes(canary('no form'), `multipart/form-data; boundary=${canary('a boundary')}`),
  ];
}

function form(fields: Record<string, string>, files: readonly { name: string; content: string | Uint8Array }[]): Body {
  const boundary = 'a-boundary-of-this-test';
  const parts = [
    ...Object.entries(fields).map(([name, value]) => [`name="${name}"`, Buffer.from(value)] as const),
    ...files.map(({ name, content }) => [`name="file"; filename="${name}"`, Buffer.from(content)] as const),
  ].flatMap(([disposition, content]) => [
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n`),
    content,
    Buffer.from('\r\n'),
  ]);
  return body.bytes(
    Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    `multipart/form-data; boundary=${boundary}`,
  );
}
