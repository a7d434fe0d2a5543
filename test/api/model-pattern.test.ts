import assert from 'node:assert/strict';
import { matchesPattern } from '../../src/api/access/model-pattern.ts';

describe('a pattern of model names', () => {
  it('matches whole names, with any text for each star', () => {
    for (const [pattern, name, matches] of [
      ['*', '', true],
      ['*', 'anything', true],
      ['', '', true],
      ['', 'a', false],
      ['copy', 'copy', true],
      ['copy', 'copy2', false],
      ['copy', 'acopy', false],
      ['co*', 'copy', true],
      ['co*', 'xco', false],
      ['*py', 'copy', true],
      ['*py', 'copyx', false],
      ['c*y', 'cy', true],
      ['c*p*y', 'copy-by-copy', true],
      ['a*b*c', 'abbbcbc', true],
      ['a*b*c', 'abbb', false],
      ['**', 'x', true],
      ['*ab', 'aab', true],
      ['a.c', 'abc', false],
      ['a+(b)[c]', 'a+(b)[c]', true],
    ] as const)
      assert.equal(matchesPattern(pattern, name), matches, `${pattern} ${name}`);
  });

  it('is as a regular expression has it, for all short patterns and names', () => {
    const patterns = wordsOf('ab*', 4);
    const names = wordsOf('ab', 5);
    for (const pattern of patterns) {
      const regular = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
      for (const name of names) assert.equal(matchesPattern(pattern, name), regular.test(name), `${pattern} ${name}`);
    }
  });

  it('is not tried on names that no model can have, and does not multiply by its stars', () => {
    assert.equal(matchesPattern('*', 'a'.repeat(129)), false);
    // A regular expression takes longer than the universe has.
    assert.equal(matchesPattern(`${'*a'.repeat(60)}b`, 'a'.repeat(128)), false);
  });
});

function wordsOf(letters: string, lengthMax: number): string[] {
  if (lengthMax === 0) return [''];
  const shorter = wordsOf(letters, lengthMax - 1);
  return ['', ...[...letters].flatMap((letter) => shorter.map((word) => letter + word))];
}
