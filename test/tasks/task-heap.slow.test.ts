import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const fills = {
  'small objects': 'const all = []; for (;;) all.push({ x: Math.random() });',
  'one map': 'const map = new Map(); for (let key = 0; ; key += 1) map.set(key, key);',
  'one array': 'const all = []; for (;;) all.push(0.5);',
  'long strings': "const all = []; for (let at = 0; ; at += 1) all.push('abc'.repeat(100) + at + Math.random());",
};

describe('a thread that fills V8’s heap', () => {
  for (const [what, code] of Object.entries(fills))
    it(`with ${what} is ended by the watch, and the process lives on`, async function () {
      this.timeout(240_000);
      const { stdout } = await promisify(execFile)(process.execPath, [join(import.meta.dirname, 'fill-heap.ts'), code]);
      assert.equal(stdout, 'task_too_large\n');
    });
});
