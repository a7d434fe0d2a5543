import { readConfig } from '../../src/config.ts';
import { Registry } from '../../src/engine/registry/registry.ts';
import { slowInputs, whole } from './serve-models.ts';

// A service without HTTP, for what a test cannot let happen to its own process: node run-model.ts
// <models> <trap|endless>

const [models = '', what] = process.argv.slice(2);
const registry = new Registry({ ...readConfig({}), models });
await registry.start();
const request = { priority: 0, deadlineAt: performance.now() + 600_000, signal: new AbortController().signal };
const answer =
  what === 'trap'
    ? registry.find('divide').infer({
        ...request,
        inputs: [whole('INT32', 'x', [1, 1], [-(2 ** 31)]), whole('INT32', 'divisor', [1, 1], [-1])],
      })
    : registry.find('slow').infer({ ...request, inputs: slowInputs(1_000_000_000) });
setImmediate(() => process.stdout.write('running\n'));
await answer;
