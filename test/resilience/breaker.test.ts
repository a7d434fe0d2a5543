import assert from 'node:assert/strict';
import { Breaker } from '../../src/resilience/breaker.ts';

describe('a breaker', () => {
  let now = 0;
  const make = () => new Breaker({ failuresMax: 3, openMs: 1000, now: () => now });
  beforeEach(() => {
    now = 5_000;
  });

  it('opens after so many failures in a row and says how long to stay away', () => {
    const breaker = make();
    for (let failure = 0; failure < 3; failure += 1) {
      assert.equal(breaker.admit(), 0);
      breaker.failed();
    }
    assert.equal(breaker.state, 'open');
    now += 400;
    assert.equal(breaker.admit(), 600);
  });

  it('forgets failures when one succeeds between them', () => {
    const breaker = make();
    for (const ok of [false, false, true, false, false]) ok ? breaker.succeeded() : breaker.failed();
    assert.equal(breaker.state, 'closed');
  });

  it('lets one attempt through when the while is over, and closes when it succeeds', () => {
    const breaker = make();
    for (let failure = 0; failure < 3; failure += 1) breaker.failed();
    now += 1000;
    assert.equal(breaker.admit(), 0);
    assert.equal(breaker.state, 'half_open');
    assert.ok(breaker.admit() > 0, 'a second one has to wait for the first');
    breaker.succeeded();
    assert.equal(breaker.state, 'closed');
  });

  it('opens again at once when that attempt fails', () => {
    const breaker = make();
    for (let failure = 0; failure < 3; failure += 1) breaker.failed();
    now += 1000;
    breaker.admit();
    breaker.failed();
    assert.equal(breaker.state, 'open');
    assert.equal(breaker.admit(), 1000);
  });

  it('allows another attempt when nobody tells how the first went', () => {
    const breaker = make();
    for (let failure = 0; failure < 3; failure += 1) breaker.failed();
    now += 1000;
    breaker.admit();
    now += 1000;
    assert.equal(breaker.admit(), 0);
  });
});
