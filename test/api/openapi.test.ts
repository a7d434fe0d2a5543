import assert from 'node:assert/strict';
import { type ServedApi, serveApi } from './serve-api.ts';

type Document = {
  openapi: string;
  paths: Record<string, Record<string, { operationId?: string }>>;
  components: { schemas: Record<string, unknown> };
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
    // The files of the page are no part of the API.
    const there = api.routes.filter((route) => !route.includes('/docs/'));
    assert.deepEqual(described.sort(), there.sort());
  });

  it('gives every operation a name of its own', () => {
    const names = Object.values(document.paths).flatMap((verbs) =>
      Object.values(verbs).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(names).size, names.length);
    assert.ok(!names.includes(undefined));
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
