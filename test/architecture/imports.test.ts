import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize, relative } from 'node:path';

const root = join(import.meta.dirname, '../..');

// The rule: api → tasks → engine → resilience, jobs beside tasks; errors, settings and the telemetry's front door for everyone.
const mayImport: Record<string, readonly string[]> = {
  api: ['api', 'tasks', 'jobs', 'engine', 'resilience'],
  tasks: ['tasks', 'engine', 'resilience'],
  jobs: ['jobs', 'tasks', 'engine', 'resilience'],
  datasets: ['datasets', 'tasks', 'engine', 'resilience'],
  engine: ['engine', 'resilience'],
  resilience: ['resilience'],
  telemetry: ['telemetry'],
};
const frontDoor = [
  'logger',
  'metrics',
  'names',
  'ids',
  'ledger',
  'time-account',
  'request-spans',
  'spans',
  'past-spans',
  'kept-reasons',
  'hot-series',
  'flight/flight-record',
  'batch-spans',
  'profile-spans',
  'report-defect',
  'batch-attributes',
  'report-defect',
].map((name) => `src/telemetry/${name}.ts`);
const forEveryone = [
  'src/config.ts',
  'src/errors.ts',
  'src/sentence.ts',
  'src/version.ts',
  'src/lifecycle.ts',
  'src/loopback.ts',
  'src/free-block.ts',
  'src/bag.ts',
  'src/resilience/shared-budget.ts',
  'src/steady-clock.ts',
  'src/resident-bytes.ts',
  ...frontDoor,
];

/** One home for each big dependency; `type` imports are no dependency at run time. */
const homes: Record<string, RegExp> = {
  express: /^src\/(api\/|app\.ts|receiver)/,
  'onnxruntime-node': /^src\/engine\/lane/,
  '@opentelemetry/sdk-': /^src\/telemetry\/(start|aggregated-metrics)\.ts/,
  winston: /^src\/telemetry\/logger\.ts/,
  koffi: /^src\/telemetry\/nvml\.ts/,
};

describe('imports', () => {
  it('go from api to tasks to engine to resilience, never back', async () => {
    const wrong: string[] = [];
    for (const { file, imports } of await sources()) {
      const folder = file.split('/')[1] ?? '';
      const allowed = mayImport[folder];
      if (!allowed || file.split('/').length < 3) continue;
      for (const { from, typeOnly } of imports) {
        if (!from.startsWith('.')) continue;
        const target = relative(root, normalize(join(root, dirname(file), from)));
        if (typeOnly || forEveryone.includes(target)) continue;
        if (!allowed.some((each) => target.startsWith(`src/${each}/`))) wrong.push(`${file} imports ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('keep each big dependency in its home', async () => {
    const wrong: string[] = [];
    for (const { file, imports } of await sources()) {
      for (const { from, typeOnly } of imports) {
        for (const [dependency, home] of Object.entries(homes)) {
          const isIt = dependency.endsWith('-') ? from.startsWith(dependency) : from === dependency;
          if (isIt && !typeOnly && !home.test(file)) wrong.push(`${file} imports ${from}`);
        }
      }
    }
    assert.deepEqual(wrong, []);
  });
});

async function sources(): Promise<{ file: string; imports: { from: string; typeOnly: boolean }[] }[]> {
  const names = (await readdir(join(root, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'));
  return Promise.all(
    names.map(async (name) => {
      const file = `src/${name}`;
      const text = await readFile(join(root, file), 'utf8');
      const imports = [...text.matchAll(/^import (type )?[^'"]*?['"]([^'"]+)['"]/gms)].map((found) => ({
        from: found[2] ?? '',
        typeOnly: found[1] !== undefined,
      }));
      return { file, imports };
    }),
  );
}
