import assert from 'node:assert/strict';
import { ServiceError } from '../../src/errors.ts';
import { RateWatch } from '../../src/resilience/rate-watch.ts';
import { SharedBudget } from '../../src/resilience/shared-budget.ts';

describe('a shared budget', () => {
  it('lets a lone client have all but one share', () => {
    const budget = budgetOf(100);
    budget.take('ann', 75);
    assert.throws(
      () => budget.take('ann', 1),
      refusedBecause('share_used', /75 of 100, 75 of them yours.*VITRINE_TEST/),
    );
    assert.equal(budget.taken, 75);
    assert.deepEqual(budget.refused, { share: 1, full: 0 });
  });

  it('keeps the share of one client from all others together until it is taken', () => {
    const budget = budgetOf(100);
    budget.take('ann', 75);
    budget.take('bob', 25);
    assert.throws(() => budget.take('cid', 1), refusedBecause('busy', /100 of 100; come again, or raise VITRINE_TEST/));
    budget.giveBack('ann', 10);
    assert.equal(budget.tryTake('ann', 1), false);
    assert.equal(budget.tryTake('cid', 10), true);
    budget.giveBack('cid', 10);
    budget.giveBack('bob', 25);
    budget.giveBack('ann', 65);
    assert.equal(budget.taken, 0);
  });

  it('always has room for the largest single thing when it is empty', () => {
    const budget = budgetOf(100, { largest: 100 });
    budget.take('ann', 100);
    budget.giveBack('ann', 100);
    assert.equal(budgetOf(2).tryTake('ann', 2), true);
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

  function budgetOf(max: number, { largest = 1 } = {}): SharedBudget {
    return new SharedBudget({
      name: 'test',
      max,
      sharePercent: 25,
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
