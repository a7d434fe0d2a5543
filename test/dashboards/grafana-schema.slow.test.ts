import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type * as grafana from '@grafana/grafana-foundation-sdk/dashboard';
import { dashboards } from '../../observability/dashboards/dashboards.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const root = join(import.meta.dirname, '../..');
const require = createRequire(import.meta.url);
const run = promisify(execFile);

type Query = { readonly datasource?: { readonly type?: string } };
type Drawn = grafana.Panel | grafana.RowPanel;

describe('the dashboards in the types of the pinned Grafana', function () {
  this.timeout(60_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  before(async () => {
    folder = await temporaryFolder();
    await mkdir(join(folder.path, 'node_modules/@grafana'), { recursive: true });
    const schema = dirname(require.resolve('@grafana/schema/package.json'));
    await symlink(schema, join(folder.path, 'node_modules/@grafana/schema'));
    await copyFile(join(import.meta.dirname, 'grafana-types.ts'), join(folder.path, 'grafana-types.ts'));
    await writeFile(
      join(folder.path, 'tsconfig.json'),
      JSON.stringify({
        compilerOptions: {
          target: 'es2024',
          module: 'esnext',
          moduleResolution: 'bundler',
          preserveSymlinks: true,
          strict: true,
          skipLibCheck: true,
          noEmit: true,
          types: [],
          allowImportingTsExtensions: true,
        },
        include: ['*.ts'],
      }),
    );
  });

  after(async () => folder?.[Symbol.asyncDispose]());

  it('are all of that Grafana’s version', async () => {
    const compose = await readFile(join(root, 'compose.yaml'), 'utf8');
    const { version } = require('@grafana/schema/package.json') as { version: string };
    assert.ok(compose.includes(`grafana/grafana:${version}`), `compose.yaml has another Grafana than ${version}`);
  });

  it('have no option, field or query that it does not know, and lack none that it needs', async () => {
    for (const { name } of dashboards)
      await writeFile(
        join(folder.path, `${name}.ts`),
        moduleOf(JSON.parse(await readFile(join(root, `grafana/dashboards/${name}.json`), 'utf8'))),
      );
    assert.deepEqual(await refusals(folder.path), []);
  });

  it('are refused where they have an option that Grafana has not, or lack one', async () => {
    await writeFile(
      join(folder.path, 'wrong.ts'),
      moduleOf({
        title: 'wrong',
        schemaVersion: 42,
        panels: [{ type: 'table', options: { footer: {} }, fieldConfig: { defaults: {}, overrides: [] } }],
      } as unknown as grafana.Dashboard),
    );
    const found = await refusals(folder.path);
    assert.ok(
      found.some((line) => /wrong\.ts.*'"footer"' does not exist/.test(line)),
      found.join('\n'),
    );
  });
});

/** What the compiler says of the files in the folder. */
async function refusals(path: string): Promise<string[]> {
  try {
    await run(process.execPath, [join(root, 'node_modules/typescript/lib/tsc.js'), '-p', path, '--pretty', 'false']);
    return [];
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    const lines = stdout.split('\n').filter((line) => line.includes('error TS'));
    assert.ok(lines.length > 0, `the compiler did not run: ${stderr}${String(error)}`);
    return lines;
  }
}

/** Every part as a literal of its own: the compiler looks for what is too much in literals only. */
function moduleOf({ panels = [], annotations, ...rest }: grafana.Dashboard): string {
  const parts = [
    constant('DashboardOf', rest),
    ...(annotations?.list ?? []).flatMap(({ target, ...mark }) => [constant('MarkOf', mark), queryOf(target)]),
    ...panels.flatMap(panelOf),
  ];
  const lines = parts.map((part, at) => part && `export const part${at}${part}`);
  return `import type { DashboardOf, MarkOf, PanelOf, QueryOf, RowOf } from './grafana-types.ts';\n${lines.join('\n')}\n`;
}

function panelOf(panel: Drawn): string[] {
  if (panel.type === 'row') {
    const { panels = [], ...row } = panel as grafana.RowPanel;
    return [constant('RowOf', { ...row, panels: [] }), ...panels.flatMap(panelOf)];
  }
  const { targets = [], ...drawn } = panel as grafana.Panel;
  return [constant(`PanelOf<'${panel.type}'>`, drawn), ...targets.map(queryOf)];
}

function queryOf(query: unknown): string {
  const type = (query as Query | undefined)?.datasource?.type;
  return type === undefined ? '' : constant(`QueryOf<'${type}'>`, query);
}

function constant(type: string, value: unknown): string {
  return `: ${type} = ${JSON.stringify(value, null, 1)};`;
}
