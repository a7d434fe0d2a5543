import assert from 'node:assert/strict';
import { wordsOf } from '../../web/try/fact-words.ts';

describe('the name of a fact', () => {
  it('is words, however it is written', () => {
    assert.equal(wordsOf('duration_seconds'), 'duration seconds');
    assert.equal(wordsOf('lengthPixels'), 'length pixels');
    assert.equal(wordsOf('model'), 'model');
  });
});
