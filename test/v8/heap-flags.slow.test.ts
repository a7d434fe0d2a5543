import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { heapFlags } from '../../src/v8/tune-heap.ts';

describe('the settings of V8’s heap', () => {
  it('are known to this Node: what V8 does not know it passes over in silence', () => {
    const { stdout } = spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
    for (const flag of heapFlags) {
      const [, name] = /^--(?:no-)?([a-z-]+)(?:=\d+)?$/.exec(flag) ?? [];
      assert.ok(stdout.includes(`  --${name} (`), flag);
    }
  });
});
