import assert from 'node:assert/strict';
import { indexRequest, loadRequest, unloadRequest } from '../../src/api/models/repository-requests.ts';
import { failuresOfGuards } from '../../src/api/openapi/describe-routes.ts';
import { soundExample } from '../../src/api/openapi/sound-example.ts';
import { serviceRoutes, type Word } from '../../src/api/routes.ts';
import { logSettingsRequest } from '../../src/api/settings/log-settings.ts';
import { traceSettingsRequest } from '../../src/api/settings/trace-settings.ts';
import { readWav } from '../../src/audio/read-wav.ts';
import { readConfig } from '../../src/config.ts';
import { failures } from '../../src/errors.ts';
import type { RouteTable, Verb } from '../../src/http/route-table.ts';
import { taskKinds } from '../../src/task-kinds.ts';
import { checkParameters } from '../../src/tasks/task-parameters.ts';
import { type ServedApi, serveApi } from './serve-api.ts';

type Schema = { $ref?: string; example?: unknown; properties?: Record<string, Schema>; required?: string[] };
type Operation = {
  operationId: string;
  requestBody?: { content: Record<string, { schema: Schema; example?: unknown }> };
  parameters?: { name: string; in: string }[];
  responses: Record<string, { links?: Record<string, { operationId: string; parameters: Record<string, string> }> }>;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

describe('the description of the API', () => {
  let api: ServedApi;
  let document: Document;
  before(async () => {
    // The page, and what it asks, is no part of the API.
    api = await serveApi({}, { pageOn: false });
    document = (await (await api.fetch('/openapi.json')).json()) as Document;
  });
  after(() => api[Symbol.asyncDispose]());

  it('has every route that there is, with its verbs, and no other', async () => {
    const described = Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.keys(verbs).map((verb) => `${verb} ${path.replace(/\{(\w+)\}/g, ':$1')}`),
    );
    assert.deepEqual(described.sort(), [...api.routes].sort());
  });

  it('gives every operation a name of its own', () => {
    const names = Object.values(document.paths).flatMap((verbs) =>
      Object.values(verbs).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(names).size, names.length);
    assert.ok(names.every((name) => name !== undefined));
  });

  it('has no reference that leads nowhere', () => {
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name as string);
    assert.ok(references.length > 10);
    assert.deepEqual(
      references.filter((name) => !(name in document.components.schemas)),
      [],
    );
  });

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.entries(verbs).map(([verb, operation]) => ({ path, verb: verb as Verb, operation })),
    );

  it('has every status that the guards of a route can answer', () => {
    const table: RouteTable = serviceRoutes;
    for (const { path, verb, operation } of operations()) {
      const route = path.replace(/\{(\w+)\}/g, ':$1');
      const word = table[route]?.[verb] as Word;
      const wanted = failuresOfGuards(route, verb, word, operation.requestBody !== undefined).map((code) =>
        String(failures[code].status),
      );
      const lacking = wanted.filter((status) => !(status in operation.responses));
      assert.deepEqual(lacking, [], `${verb} ${path}`);
    }
  });

  it('has links whose operations and parameters exist', () => {
    const byId = new Map(operations().map(({ operation }) => [operation.operationId, operation]));
    let links = 0;
    for (const { operation } of operations())
      for (const { links: of = {} } of Object.values(operation.responses))
        for (const { operationId, parameters } of Object.values(of)) {
          const names = byId.get(operationId)?.parameters?.map(({ name }) => name);
          for (const name of Object.keys(parameters)) assert.ok(names?.includes(name), `${operationId} has no ${name}`);
          links += 1;
        }
    assert.ok(links > 50, String(links));
  });

  it('has an example of every body but binary ones, which what is enforced accepts', () => {
    const settings = readConfig({});
    const schemas = {
      repositoryIndex: indexRequest,
      loadModel: loadRequest,
      unloadModel: unloadRequest,
      changeTraceSettings: traceSettingsRequest,
      changeModelTraceSettings: traceSettingsRequest,
      changeLogSettings: logSettingsRequest,
    } as const;
    for (const { operation } of operations()) {
      for (const [type, { schema, example: whole }] of Object.entries(operation.requestBody?.content ?? {})) {
        if (type === 'application/octet-stream') continue;
        const example = (whole ?? exampleOf(schema)) as Record<string, unknown> | undefined;
        assert.ok(example, `${operation.operationId} ${type}`);
        const id = operation.operationId;
        if (id in schemas) schemas[id as keyof typeof schemas].parse(example);
        const kind = taskKinds.find((each) => each === id.replace('Short', ''));
        const { file: _file, ...parameters } = example;
        if (kind) checkParameters(kind, parameters, settings);
      }
    }

    function exampleOf(schema: Schema): unknown {
      const {
        example,
        properties,
        required = [],
      } = schema.$ref ? (document.components.schemas[schema.$ref.split('/').at(-1) as string] as Schema) : schema;
      if (example !== undefined) return example;
      if (!properties) return undefined;
      return Object.fromEntries(required.map((name) => [name, properties[name]?.example]));
    }
  });

  it('has defaults that a service with small limits takes', async () => {
    const small = readConfig({ VITRINE_GENERATE_SECONDS_MAX: '1', VITRINE_MICROSTRUCTURE_PIXELS_MAX: '4096' });
    assert.equal(checkParameters('generate', { prompt: 'bell' }, small).duration_seconds, 1);
    assert.equal(checkParameters('microstructure', {}, small).size, 64);
    const { openApiDocument } = await import('../../src/api/openapi/openapi-document.ts');
    const { MicrostructureRequest } = (openApiDocument(small).components?.schemas ?? {}) as Record<
      string,
      { anyOf?: { properties: { size: { const: number } }; required?: string[] }[] }
    >;
    assert.deepEqual(
      MicrostructureRequest?.anyOf?.map(({ properties, required = [] }) => [properties.size.const, ...required]),
      [[32, 'size'], [64]],
    );
  });

  it('has a sound for its examples that is a whole WAV file', () => {
    assert.equal(readWav(Buffer.from(soundExample)).channels[0]?.length, 512);
  });

  it('says who may use what, on a service with keys and on one without', async () => {
    const table: RouteTable = serviceRoutes;
    const { openApiDocument } = await import('../../src/api/openapi/openapi-document.ts');
    for (const apiKeysFile of ['', '/keys.json']) {
      const { paths } = openApiDocument({ ...readConfig({}), apiKeysFile });
      for (const [path, verbs] of Object.entries(paths ?? {}))
        for (const [verb, { security }] of Object.entries(verbs as Record<string, { security: object[] }>)) {
          const word = table[path.replace(/\{(\w+)\}/g, ':$1')]?.[verb as Verb];
          const wanted =
            word?.may === 'open' || apiKeysFile === ''
              ? []
              : word?.may === 'client'
                ? ['key', 'keyHeader']
                : ['administrator'];
          assert.deepEqual(
            security.flatMap((each) => Object.keys(each)),
            wanted,
            `${verb} ${path}`,
          );
        }
    }
  });

  it('is a page that loads nothing from elsewhere', async () => {
    const page = await api.fetch('/docs');
    assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'; script-src 'self'/);
    const addresses = [...(await page.text()).matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, address]) => address as string,
    );
    assert.equal(addresses.length, 4);
    for (const address of addresses) {
      assert.match(address, /^\/docs\//);
      assert.equal((await api.fetch(address)).status, 200, address);
    }
    assert.equal((await api.fetch('/docs/package.json')).status, 404);
    assert.equal((await api.fetch('/docs/..%2fpackage.json')).status, 404);
  });
});
