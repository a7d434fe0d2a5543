import assert from 'node:assert/strict';
import { retry } from '../../src/resilience/retry.ts';

describe('retry', () => {
  it('tries again until it works', async () => {
    const answer = await retry(
      async (attempt) => {
        if (attempt < 3) throw new Error(`attempt ${attempt}`);
        return attempt;
      },
      { attemptsMax: 3, waitMsFirst: 1 },
    );
    assert.equal(answer, 3);
  });

  it('throws what the last attempt threw', async () => {
    const act = async (attempt: number) => {
      throw new Error(`attempt ${attempt}`);
    };
    await assert.rejects(retry(act, { attemptsMax: 2, waitMsFirst: 1 }), /attempt 2/);
  });

  it('does not repeat what is not worth it', async () => {
    let attempts = 0;
    const act = async () => {
      attempts += 1;
      throw new Error('the same every time');
    };
    await assert.rejects(retry(act, { attemptsMax: 5, waitMsFirst: 1, worthIt: () => false }), /the same/);
    assert.equal(attempts, 1);
  });

  it('ends its wait when the signal is aborted', async () => {
    const stopping = new AbortController();
    const act = async () => {
      setImmediate(() => stopping.abort());
      throw new Error('down');
    };
    await assert.rejects(retry(act, { attemptsMax: 2, waitMsFirst: 3_600_000, signal: stopping.signal }), {
      name: 'AbortError',
    });
  });
});
