import assert from 'node:assert/strict';
import { stalePages } from '../../tools/generate.ts';

describe('generated pages', () => {
  it('say what the code says', async () => {
    assert.deepEqual(await stalePages(), [], 'run npm run generate and commit');
  });
});
