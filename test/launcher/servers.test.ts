import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goVersionMin, servers } from '../../launcher/servers.ts';

const root = join(import.meta.dirname, '../..');

describe('the table of servers', () => {
  it('asks for the Go that its most demanding module asks for', async () => {
    const asked = await Promise.all(
      Object.values(servers).map(
        async ({ folder }) => /^go (\S+)/m.exec(await readFile(join(root, folder, 'go.mod'), 'utf8'))?.[1] ?? '',
      ),
    );
    assert.equal(asked.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1), goVersionMin);
  });

  it('names the versions that the modules pin', async () => {
    const pins = {
      collector: /service v(\S+)/,
      alertmanager: /prometheus\/alertmanager v(\S+)/,
      prometheus: /prometheus\/prometheus v0\.(\S+)/,
      loki: /grafana\/loki\/v3 v(\S+)/,
      queueReader: /bbolt v(\S+)/,
      tempo: /grafana\/tempo \S+-([0-9a-f]{12})/,
    };
    for (const [name, pattern] of Object.entries(pins)) {
      const server = servers[name as keyof typeof pins];
      const pinned = pattern.exec(await readFile(join(root, server.folder, 'go.mod'), 'utf8'))?.[1] ?? 'nothing';
      // Prometheus' module 0.315.0 is the server 3.15.0; Tempo's version ends in its commit.
      const said = name === 'prometheus' ? server.version.replace(/^3\./, '3') : server.version;
      assert.ok(
        said === pinned || said.endsWith(`-${pinned}`),
        `${name} is ${said} in the table and ${pinned} in go.mod`,
      );
    }
  });

  it('reads queues with the bbolt that the Collector writes them with', async () => {
    const [reader, collector] = await Promise.all(
      [servers.queueReader, servers.collector].map(
        async ({ folder }) => /bbolt v(\S+)/.exec(await readFile(join(root, folder, 'go.mod'), 'utf8'))?.[1],
      ),
    );
    assert.equal(reader, collector);
  });
});
