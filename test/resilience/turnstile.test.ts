import assert from 'node:assert/strict';
import { Turnstile } from '../../src/resilience/turnstile.ts';

describe('a turnstile', () => {
  it('never lets more inside than it may, and everyone in the end, in order', async () => {
    const turnstile = new Turnstile(3);
    const order: number[] = [];
    let inside = 0;
    let insideMost = 0;
    await Promise.all(
      Array.from({ length: 20 }, (_, number) =>
        turnstile.pass(async () => {
          order.push(number);
          inside += 1;
          insideMost = Math.max(insideMost, inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
        }),
      ),
    );
    assert.equal(insideMost, 3);
    assert.deepEqual(
      order,
      order.toSorted((one, other) => one - other),
    );
    assert.equal(order.length, 20);
  });

  it('gives the place on when a call throws', async () => {
    const turnstile = new Turnstile(1);
    await assert.rejects(
      turnstile.pass(() => Promise.reject(new Error('inside'))),
      /inside/,
    );
    assert.equal(await turnstile.pass(async () => 'in'), 'in');
  });
});
