import assert from 'node:assert/strict';
import { ServiceError } from '../../src/errors.ts';
import { RateWatch } from '../../src/resilience/rate-watch.ts';
import { SharedBudget } from '../../src/resilience/shared-budget.ts';

describe('a shared budget', () => {
  it('lets a lone client have half, and says so beyond it', () => {
    const budget = budgetOf(100);
    budget.take('ann', 50);
    assert.throws(
      () => budget.take('ann', 1),
      refusedBecause('share_used', /50 of 100, 50 of them yours.*VITRINE_TEST/),
    );
    assert.equal(budget.taken, 50);
    assert.deepEqual(budget.refused, { share: 1, full: 0 });
  });

  it('is never filled by fewer clients than it has shares, whatever each takes first', () => {
    const names = ['ann', 'bob', 'cid'];
    for (const order of [names, names.toReversed(), [...names, ...names]]) {
      const budget = budgetOf(100);
      for (const client of order) while (budget.tryTake(client, 1));
      assert.equal(budget.tryTake('dan', 10), true, order.join());
    }
  });

  it('gives each of four a quarter, to the last', () => {
    const budget = budgetOf(100);
    for (let round = 0; round < 25; round += 1)
      for (const client of ['ann', 'bob', 'cid', 'dan']) budget.take(client, 1);
    assert.equal(budget.taken, 100);
    assert.throws(() => budget.take('eve', 1), refusedBecause('busy', /100 of 100; come again, or raise VITRINE_TEST/));
    for (const client of ['ann', 'bob', 'cid', 'dan']) budget.giveBack(client, 25);
    assert.equal(budget.taken, 0);
    budget.take('ann', 50);
  });

  it('always has room for the largest single thing when it is empty', () => {
    const budget = budgetOf(100, { largest: 100 });
    budget.take('ann', 100);
    budget.giveBack('ann', 100);
    assert.equal(budgetOf(2).tryTake('ann', 2), true);
    assert.equal(budgetOf(100, { sharePercent: 0 }).tryTake('ann', 100), true);
  });

  it('remembers no client for good that holds nothing', () => {
    const budget = budgetOf(100);
    for (let at = 0; at < 1000; at += 1) {
      budget.take(`client ${at}`, 1);
      budget.giveBack(`client ${at}`, 1);
    }
    assert.equal(budget.taken, 0);
    assert.equal(budget.clients <= 257, true, String(budget.clients));
  });

  function budgetOf(max: number, { largest = 1, sharePercent = 25 } = {}): SharedBudget {
    return new SharedBudget({
      name: 'test',
      max,
      sharePercent,
      largest,
      cannot: 'Cannot test',
      held: (amount) => `tests take ${amount} of ${max}`,
      setting: 'VITRINE_TEST',
    });
  }
});

describe('a rate watch', () => {
  it('calls slow who moves less than the least rate in a window, however much came before', () => {
    const limits = { bytesPerSecondMin: 1000, slowAfterMs: 5000 };
    const watch = new RateWatch(0);
    assert.equal(watch.isSlow(4999, 0, limits), false);
    assert.equal(watch.isSlow(5000, 5_000_000, limits), false);
    assert.equal(watch.isSlow(9999, 5_000_000, limits), false);
    assert.equal(watch.isSlow(10_000, 5_004_999, limits), true);
    watch.restart(20_000, 5_004_999);
    assert.equal(watch.isSlow(24_999, 5_004_999, limits), false);
    assert.equal(new RateWatch(0).isSlow(60_000, 0, { ...limits, bytesPerSecondMin: 0 }), false);
  });
});

function refusedBecause(code: string, says: RegExp) {
  return (error: unknown) => error instanceof ServiceError && error.code === code && says.test(error.message);
}
