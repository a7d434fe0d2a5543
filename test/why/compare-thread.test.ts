import assert from 'node:assert/strict';
import { CompareThread } from '../../src/api/requests/compare-thread.ts';
import { type ComparedRequests, inSet, SetsBuilder } from '../../src/observe/compare/compared-sets.ts';
import { tellApart } from '../../src/observe/compare/tell-apart.ts';
import type { FlightRecord } from '../../src/observe/flight/flight-record.ts';
import { requestOf } from './facts.ts';

const stays = new AbortController().signal;

describe('two sets of requests that a thread compares', function () {
  this.timeout(60_000);
  let thread: CompareThread;

  beforeEach(() => {
    thread = new CompareThread({ comparisonsMax: 2 });
  });

  afterEach(() => thread.close());

  it('have the differences that they have on the event loop', async () => {
    const first = recordsOf(300, 40);
    const second = recordsOf(2_000, 10);
    const compared = await thread.compare({ requests: collected(first, second), slowestPercent: undefined }, stays);
    assert.deepEqual([compared.first, compared.second, compared.slowerThanMs], [300, 2_000, undefined]);
    assert.deepEqual(compared.differences, tellApart(first, second));
    assert.ok(compared.differences.some(({ field }) => field === 'run'));
  });

  it('are the slowest and the rest where that is asked for', async () => {
    const all = Array.from({ length: 200 }, (_, at) => requestOf({ run: 1 + at }));
    const builder = new SetsBuilder();
    for (const record of all) builder.add(inSet.first | inSet.second, record);
    const compared = await thread.compare({ requests: builder.build(), slowestPercent: 10 }, stays);
    assert.deepEqual([compared.first, compared.second, compared.slowerThanMs], [20, 180, 181]);
    assert.deepEqual(
      compared.differences,
      tellApart(
        all.filter(({ tookMs }) => tookMs >= 181),
        all.filter(({ tookMs }) => tookMs < 181),
      ),
    );
  });

  it('leave the event loop to others: its turns come before the answer', async () => {
    const order: string[] = [];
    const answer = thread
      .compare({ requests: collected(recordsOf(5, 1), recordsOf(5, 2)), slowestPercent: undefined }, stays)
      .then(() => order.push('answer'));
    setImmediate(() => order.push('turn'));
    await answer;
    assert.deepEqual(order, ['turn', 'answer']);
  });

  it('are refused where as many are under way as may be, and taken when one has ended', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const held = [thread.inPlace(() => promise), thread.inPlace(() => promise)];
    await assert.rejects(
      thread.inPlace(async () => undefined),
      { code: 'busy', message: /2 comparisons are under way.*VITRINE_COMPARISONS_MAX/ },
    );
    resolve();
    await Promise.all(held);
    assert.equal(await thread.inPlace(async () => 'taken'), 'taken');
  });

  it('are not compared for a caller who has gone', async () => {
    await assert.rejects(
      thread.compare({ requests: collected([], []), slowestPercent: undefined }, AbortSignal.abort()),
      { code: 'caller_gone' },
    );
  });
});

function recordsOf(count: number, ms: number): FlightRecord[] {
  return Array.from({ length: count }, (_, at) => requestOf({ run: ms + (at % 7), queue: at % 5 }));
}

function collected(first: readonly FlightRecord[], second: readonly FlightRecord[]): ComparedRequests {
  const builder = new SetsBuilder();
  for (const record of first) builder.add(inSet.first, record);
  for (const record of second) builder.add(inSet.second, record);
  return builder.build();
}
