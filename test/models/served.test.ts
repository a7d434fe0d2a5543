import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../src/config.ts';
import { Registry } from '../../src/engine/registry/registry.ts';
import { generatedModels } from '../../tools/models/generated.ts';
import { learnedModels } from '../../tools/models/learned.ts';
import { sound } from './reference-sounds.ts';

describe('the models of the repository', () => {
  it('are all served by the engine, and nothing else in the folder is taken for a model', async () => {
    const models = fileURLToPath(new URL('../../models', import.meta.url));
    await using registry = new Registry({ ...readConfig({}), models });
    await registry.start();
    const told = registry.models().map(({ name, state, reason }) => ({ name, state, reason }));
    const names = [...Object.keys(generatedModels), ...Object.keys(learnedModels)].sort();
    assert.deepEqual(
      told.sort((one, other) => (one.name < other.name ? -1 : 1)),
      names.map((name) => ({ name, state: 'ready', reason: '' })),
    );

    const audio = sound('chord-and-clicks').slice(0, 10_000);
    const { outputs } = await registry.find('harmonic-percussive').infer({
      inputs: [{ name: 'audio', datatype: 'FP32', shape: [1, audio.length], data: audio }],
      priority: 0,
      deadlineAt: performance.now() + 30_000,
      signal: new AbortController().signal,
    });
    assert.deepEqual(
      outputs.map(({ name, shape }) => [name, [...shape]]),
      [
        ['harmonic', [1, 10_000]],
        ['percussive', [1, 10_000]],
      ],
    );
  });
});
