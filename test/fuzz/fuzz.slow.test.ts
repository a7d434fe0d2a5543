import assert from 'node:assert/strict';
import { badInput } from './bad-input.ts';
import { runFuzz } from './run-fuzz.ts';

describe('a thousand bad inputs', function () {
  this.timeout(600_000);

  it('are the same for the same seed', () => {
    for (let index = 0; index < 200; index += 1) assert.deepEqual(badInput(7, index), badInput(7, index));
  });

  it('are each answered or refused, with telemetry on, and leave nothing behind', async () => {
    const { faults, sent, answers } = await runFuzz({ seed: 1, from: 0, count: 1000 });
    assert.deepEqual(faults, []);
    assert.equal(sent, 1000);
    assert.ok((answers['200'] ?? 0) > 100 && (answers['400'] ?? 0) > 100, JSON.stringify(answers));
  });
});
