import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);
const module = new URL('../../src/memory-outside-heap.ts', import.meta.url).href;

describe('memory outside the heap', () => {
  it('begins a collection of the whole heap less often when it counts together with it', async () => {
    const [plain, together] = await Promise.all([wholeCollections(false), wholeCollections(true)]);
    assert.ok(plain >= 5, `${plain} by itself`);
    assert.ok(together <= plain / 3, `${together}, and ${plain} by itself`);
  });
});

/** How often a process collects its whole heap, in which something lives, while a gigabyte comes and goes outside of it. */
async function wholeCollections(together: boolean): Promise<number> {
  const program = `
    import { constants, PerformanceObserver } from 'node:perf_hooks';
    import { setImmediate } from 'node:timers/promises';
    import { countMemoryOutsideHeap } from ${JSON.stringify(module)};
    ${together ? 'countMemoryOutsideHeap();' : ''}
    let whole = 0;
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) whole += 1;
    }).observe({ entryTypes: ['gc'] });
    const living = Array.from({ length: 200_000 }, (_, number) => ({ number }));
    for (let made = 0; made < 1024; made += 1) {
      new ArrayBuffer(2 ** 20);
      if (made % 8 === 0) await setImmediate();
    }
    await setImmediate();
    console.log(whole, living.length);`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program]);
  return Number.parseInt(stdout, 10);
}
