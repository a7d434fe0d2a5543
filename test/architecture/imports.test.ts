import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** What each folder may import beside itself and what is for everyone. Types count. A folder that is not listed fails the test. */
const mayImport: Record<string, readonly string[]> = {
  'src/resilience': [],
  'src/settings': [],
  'src/v8': [],
  'src/telemetry/names': [],
  'src/telemetry': [],
  'src/telemetry/meter': [],
  'src/telemetry/host': ['src/telemetry/meter', 'src/telemetry/export'],
  'src/telemetry/export': ['src/telemetry/meter', 'src/telemetry/host', 'src/resilience'],
  'src/engine': ['src/resilience'],
  'src/observe': ['src/engine', 'src/resilience', 'src/telemetry/meter'],
  'src/tasks': ['src/observe', 'src/engine', 'src/resilience', 'src/telemetry/meter'],
  'src/jobs': ['src/tasks', 'src/observe', 'src/engine', 'src/resilience', 'src/telemetry/meter'],
  'src/datasets': ['src/tasks', 'src/observe', 'src/engine', 'src/resilience'],
  'src/http': ['src/observe', 'src/engine', 'src/resilience'],
  'src/api': ['src/http', 'src/jobs', 'src/tasks', 'src/observe', 'src/engine', 'src/resilience', 'src/telemetry/host'],
  'src/receiver': ['src/http', 'src/resilience', 'src/telemetry/meter'],
};

describe('imports', () => {
  it('know every folder', async () => {
    const files = (await readdir(join(root, 'src'), { recursive: true })).filter((name) => name.endsWith('.ts'));
    const unknown = files
      .map((name) => normalize(join('src', dirname(name))))
      .filter(
        (folder) => folder !== 'src' && !Object.keys(mayImport).some((known) => `${folder}/`.startsWith(`${known}/`)),
      );
    assert.deepEqual([...new Set(unknown)], []);
  });
});
