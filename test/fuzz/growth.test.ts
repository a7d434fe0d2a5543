import assert from 'node:assert/strict';
import { comparedRounds, growthIn, type Memory, warmUpRounds } from './growth.ts';

describe('the course of memory under bad inputs', () => {
  const rounds = (count: number, at: (round: number) => Memory) =>
    Array.from({ length: count }, (_, round) => at(round));
  const full = warmUpRounds + 2 * comparedRounds;

  it('may rise as it likes until what is kept of requests is full', () => {
    const rising = rounds(full, (round) => {
      const to = Math.min(round, warmUpRounds);
      return { liveMib: 50 + 10 * to, residentMib: 400 + 50 * to };
    });
    assert.equal(growthIn(rising), undefined);
  });

  it('may rise and fall with what is in flight', () => {
    const swaying = rounds(40, (round) => ({ liveMib: 60 + 80 * (round % 2), residentMib: 900 + 200 * (round % 3) }));
    assert.equal(growthIn(swaying), undefined);
  });

  it('is a fault where a kilobyte is left of each input', () => {
    const leak = rounds(warmUpRounds + 16 + comparedRounds + 1, (round) => ({
      liveMib: 60 + 40 * (round % 2) + round,
      residentMib: 900,
    }));
    assert.match(String(growthIn(leak)), /^memory grows: liveMib was \d+ after the warm-up and is \d+, more than 16/);
  });

  it('is a fault where native memory is left that JavaScript does not know', () => {
    const leak = rounds(60, (round) => ({ liveMib: 60, residentMib: 400 + 10 * round }));
    assert.match(String(growthIn(leak)), /^memory grows: residentMib/);
  });

  it('is not judged before there are enough rounds', () => {
    assert.equal(
      growthIn(rounds(full - 1, (round) => ({ liveMib: 100 * round, residentMib: 1000 * round }))),
      undefined,
    );
  });
});
