import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageRoutes, rpcRoutes, serviceRoutes } from '../../src/api/routes.ts';
import { settings } from '../../src/config.ts';
import type { AnyWord, RouteTable } from '../../src/http/route-table.ts';
import { receiverRoutes } from '../../src/receiver/routes.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/threat-model.md'), 'utf8');

describe('the threat model', () => {
  it('lists the open routes and those of the administrator, and no other', () => {
    const service = { ...serviceRoutes, ...pageRoutes };
    assert.deepEqual(pathsIn('| service |'), pathsThat('open', service));
    assert.deepEqual(pathsIn('| service over gRPC |'), pathsThat('open', rpcRoutes));
    assert.deepEqual(pathsIn('| the same over gRPC |'), pathsThat('administrator', rpcRoutes));
    assert.deepEqual(pathsIn('| receiver |'), pathsThat('open', receiverRoutes));
    assert.deepEqual(
      ['load or unload', 'change what is stored', 'silence alerts'].flatMap((act) => pathsIn(`| ${act}`)).sort(),
      pathsThat('administrator', service),
    );
  });

  it('names ports that there are', () => {
    const ports = Object.values(settings)
      .map(({ env }) => env)
      .filter((env) => /_PORT$/.test(env));
    const named = [...page.matchAll(/`(VITRINE_\w*PORT)`/g)].map(([, name = '']) => name);
    assert.ok(named.length >= 2);
    for (const name of named) assert.ok(ports.includes(name), name);
  });

  it('says where each attempt is tested', () => {
    const rows = page
      .slice(page.indexOf('## What an attacker may try'))
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| attempt'));
    assert.ok(rows.length > 8);
    for (const row of rows) {
      const places = [...(row.split('|').at(-2) ?? '').matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);
      assert.ok(places.length > 0, row);
      for (const path of places) assert.ok(existsSync(join(root, path)), path);
    }
  });
});

function pathsIn(rowStart: string): string[] {
  const row = page.split('\n').find((line) => line.startsWith(rowStart) && line.includes('`/'));
  return [...(row ?? '').matchAll(/`(\/[^`]*)`/g)].map(([, path = '']) => path).sort();
}

function pathsThat(may: string, table: RouteTable<AnyWord>): string[] {
  return Object.entries(table)
    .filter(([, verbs]) => Object.values(verbs).some((word) => word?.may === may))
    .map(([path]) => path)
    .sort();
}
