import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Page, readPage } from '../../src/api/page/read-page.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { buildPage } from '../../tools/build-page.ts';
import type { Dashboard } from '../../web/dashboards/dashboard.ts';
import { serveApi } from '../api/serve-api.ts';
import { panelsOf, unknownParts } from './known-parts.ts';

const root = join(import.meta.dirname, '../..');

describe('the page', function () {
  this.timeout(60_000);
  before(buildPage);

  it('weighs no more than 180 kB, all of it together, packed', async () => {
    const sizes = await packedSizes();
    assert.ok(sum(sizes.values()) <= 180_000, JSON.stringify([...sizes]));
  });

  it('loads a view when it is opened: what comes first is a small part, and has no charts', async () => {
    const files = (await readPage())!;
    const sizes = await packedSizes();
    const first = withImports(files, [...files.keys()].find((path) => /^\/assets\/main-\w+\.js$/.test(path))!);
    const total = sum([...first].map((path) => sizes.get(path)!));
    assert.ok(total <= 20_000, `${total} bytes come first: ${[...first].join(', ')}`);
    for (const path of first) assert.ok(!files.get(path)!.body.includes('uplot'), path);
  });

  it('is the same page from the same sources, and names its assets by what is in them', async () => {
    const one = (await readPage())!;
    await buildPage();
    assert.deepEqual([...one.keys()], [...(await readPage())!.keys()]);
    const texts = [...one.values()].map(({ body }) => body.toString());
    for (const path of one.keys())
      assert.ok(
        path === '/' || texts.some((text) => text.includes(`"${path}"`) || text.includes(`".${path.slice(7)}"`)),
        path,
      );
  });

  it('is absent where it was not built', async () => {
    await using folder = await temporaryFolder();
    assert.equal(await readPage(folder.path), undefined);
  });

  it('is served with a policy that allows nothing from elsewhere and nothing inline', async () => {
    await using api = await serveApi({});
    const response = await api.fetch('/');
    assert.equal(response.status, 200);
    const policy = response.headers.get('content-security-policy') ?? '';
    // What no other directive names falls back to default-src, but for these.
    for (const directive of [
      "default-src 'none'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types 'none'",
    ])
      assert.ok(policy.split('; ').includes(directive), `${directive} is not in ${policy}`);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/);
    for (const [name, value] of [
      ['x-content-type-options', 'nosniff'],
      ['referrer-policy', 'no-referrer'],
      ['cross-origin-opener-policy', 'same-origin'],
    ] as const)
      assert.equal(response.headers.get(name), value, name);
    const html = await response.text();
    assert.doesNotMatch(html, /<script(?![^>]*src=)|style=|\son\w+=/);
    for (const [, url] of html.matchAll(/(?:src|href)="([^"]+)"/g)) assert.match(url!, /^(\/assets\/|data:image\/svg)/);
    const [, script = ''] = /src="([^"]+)"/.exec(html) ?? [];
    const asset = await api.fetch(script, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(asset.status, 200);
    assert.match(asset.headers.get('cache-control') ?? '', /immutable/);
    assert.equal(response.headers.get('cache-control'), 'no-cache');
  });

  it('can be left out, and its proxy with it', async () => {
    await using api = await serveApi({}, { pageOn: false });
    for (const path of ['/', '/page/facts', '/backends/prometheus/api/v1/query?query=up'])
      assert.equal((await api.fetch(path)).status, 404, path);
  });

  it('lists the dashboards and runbooks there are, and reads no other file', async () => {
    await using api = await serveApi({});
    const { dashboards } = (await (await api.fetch('/page/dashboards')).json()) as { dashboards: { uid: string }[] };
    assert.equal(dashboards.length, (await committed()).length);
    const shown = (await (await api.fetch(`/page/dashboards/${dashboards[0]!.uid}`)).json()) as Dashboard;
    assert.equal(shown.uid, dashboards[0]!.uid);
    assert.match(await (await api.fetch('/page/runbooks/ServiceDown')).text(), /^# ServiceDown/);
    for (const path of ['/page/runbooks/..%2F..%2FREADME', '/page/runbooks/nothing', '/page/dashboards/nothing'])
      assert.equal((await api.fetch(path)).status, 404, path);
  });
});

describe('the dashboards', () => {
  it('have no panel type, option or unit that the page does not know', async () => {
    for (const { file, dashboard } of await committed()) assert.deepEqual(unknownParts(dashboard), [], file);
  });

  it('would be caught with one', async () => {
    const { dashboard } = (await committed())[0]!;
    const broken = (change: (dashboard: Dashboard) => void) => {
      const copy = structuredClone(dashboard);
      change(copy);
      return unknownParts(copy).length;
    };
    assert.equal(
      broken(() => undefined),
      0,
    );
    const first = (copy: Dashboard) => panelsOf(copy).find(({ type }) => type !== 'row')!;
    assert.equal(
      broken((copy) => (first(copy).type = 'piechart')),
      1,
    );
    assert.equal(
      broken((copy) => (first(copy).options = { ...first(copy).options, newOption: 1 })),
      1,
    );
    assert.equal(
      broken((copy) => (first(copy).fieldConfig = { defaults: { unit: 'parsecs' } })),
      1,
    );
    assert.equal(
      broken((copy) => (first(copy).transformations = [{ id: 'groupBy' }])),
      1,
    );
    assert.equal(
      broken((copy) => Object.assign(first(copy), { repeat: 'model' })),
      1,
    );
    assert.equal(
      broken((copy) => (copy.templating = { list: [{ type: 'adhoc', name: 'filter' }] })),
      1,
    );
  });
});

async function packedSizes(): Promise<Map<string, number>> {
  return new Map([...(await readPage())!].map(([path, { gzipped }]) => [path, gzipped.length]));
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0);
}

/** A script with all that it imports at once; what it imports later has parentheses. */
function withImports(files: Page, path: string, found = new Set<string>()): Set<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const [, name] of files
    .get(path)!
    .body.toString()
    .matchAll(/(?:from|import)\s*"\.\/([\w-]+\.js)"/g))
    withImports(files, `/assets/${name}`, found);
  return found;
}

async function committed(): Promise<{ file: string; dashboard: Dashboard }[]> {
  const folder = join(root, 'grafana/dashboards');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  return Promise.all(
    names.map(async (file) => ({
      file,
      dashboard: JSON.parse(await readFile(join(folder, file), 'utf8')) as Dashboard,
    })),
  );
}
