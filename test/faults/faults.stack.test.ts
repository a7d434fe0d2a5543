import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { alertRules } from '../../stack/alerts/alerts.ts';
import { hostRules } from '../../stack/alerts/host-rules.ts';
import { isAlert } from '../../stack/alerts/rule.ts';
import { waitFor } from '../support/wait-for.ts';
import type { Expected, Fault, Ground } from './fault.ts';
import { faults } from './faults.ts';
import { prepareGround } from './ground.ts';
import {
  type Delivered,
  firedWithin,
  firingNow,
  heldByAlertmanager,
  listedByReceiver,
  matches,
  type Routed,
  type Seen,
  words,
} from './observe-alerts.ts';

const patience = { deadlineMs: 120_000, everyMs: 500 };

/** What a loaded machine raises by itself says nothing about a fault. */
const ofTheMachine = new Set([
  ...hostRules.rules.filter(isAlert).map(({ alert }) => alert),
  'EventLoopDelayed',
  'EventLoopBusy',
  'GarbageCollectionHeavy',
  'TimeUnaccounted',
]);

/** Faults that do not touch each other are caused side by side: each alert says by its labels whose it is. */
const together: readonly (readonly string[])[] = [
  ['slow-model', 'failing-model', 'breaker-open', 'queue-full', 'lane-crash', 'lane-stuck', 'rate-limit-storm'],
  ['memory-pressure', 'disk-nearly-full', 'gpu-hot', 'gpu-lost'],
  ['loki-down', 'tempo-down'],
  ['collector-down'],
  ['alertmanager-down'],
];

describe('a fault raises its alerts and no other', function () {
  this.timeout(600_000);
  let ground: Ground & AsyncDisposable;

  before(async () => {
    ground = await prepareGround();
    await waitFor(
      'silence, and Watchdog at the receiver',
      async () =>
        (await firingNow(ground)).every((one) => isOfTheMachine(one, [])) &&
        (await listedByReceiver(ground)).some(({ name }) => name === 'Watchdog'),
      patience,
    );
  });
  after(() => ground?.[Symbol.asyncDispose]());

  it('leaves no fault out', () => {
    assert.deepEqual(together.flat().toSorted(), faults.map(({ name }) => name).toSorted());
    const known = new Set(alertRules.map(({ alert }) => alert));
    for (const { raises, mayRaise = [] } of faults) {
      for (const { alert } of [...raises, ...mayRaise]) assert.ok(known.has(alert), `there is no alert ${alert}`);
    }
  });

  for (const names of together) {
    it(names.join(', '), async function () {
      const all = names.map((name) => faults.find((fault) => fault.name === name)!);
      const possible = all.filter((fault) => fault.unavailable?.(ground) === undefined);
      if (possible.length === 0) this.skip();
      await raiseAndEnd(ground, possible);
    });
  }

  it('Prometheus away: the receiver misses Watchdog, and Loki’s ruler tells it', async () => {
    await ground.stack.kill('prometheus');
    const told = await waitFor(
      'AlertingSilent at the receiver',
      async () => (await listedByReceiver(ground)).find(({ name }) => name === 'AlertingSilent'),
      patience,
    );
    assert.equal(told.severity, 'critical');
    const health = (await (await fetch(`${ground.stack.url('receiver')}/health`)).json()) as {
      checks: { alerting: { status: string } };
    };
    assert.equal(health.checks.alerting.status, 'warning');
    await ground.stack.start('prometheus');
    await waitFor(
      'its end',
      async () => !(await listedByReceiver(ground)).some(({ name }) => name === 'AlertingSilent'),
      patience,
    );
  });
});

async function raiseAndEnd(ground: Ground, some: readonly Fault[]): Promise<void> {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1000;
  const raised = some.flatMap(({ raises }) => raises);
  const expected = [...raised, ...some.flatMap(({ mayRaise = [] }) => mayRaise)];
  const delivered = some.filter((fault) => fault.delivered !== false).flatMap(({ raises }) => raises);
  await using watch = watchDelivery(ground);
  const ends = await Promise.all(some.map((fault) => fault.cause(ground)));
  try {
    await forEach('fires', raised, async (wanted) =>
      (await firedWithin(ground, seconds())).some((one) => matches(one, wanted)),
    );
    await forEach('is routed, and told to the receiver unless a worse one keeps it back', delivered, (wanted) => {
      const routed = watch.routed.filter(({ labels }) => matches(seenOf(labels), wanted));
      for (const { labels, receivers } of routed) {
        const route = labels.severity === 'info' ? 'info' : `${labels.severity}-${labels.team}`;
        assert.deepEqual(receivers, [{ name: route }]);
      }
      return (
        routed.some(({ status }) => status.state === 'suppressed') ||
        (routed.length > 0 && watch.told.some(({ labels }) => matches(seenOf(labels), wanted)))
      );
    });
  } finally {
    await Promise.all(ends.map((end) => end()));
  }

  const own = async () => (await firingNow(ground)).filter((one) => !isOfTheMachine(one, expected));
  await waitFor('all to be resolved', async () => (await own()).length === 0, patience).catch(
    async (error: unknown) => {
      throw new Error(`Still firing: ${(await own()).map(words).join('; ')}`, { cause: error });
    },
  );
  const others = (await firedWithin(ground, seconds())).filter(
    (one) => !isOfTheMachine(one, expected) && !expected.some((wanted) => matches(one, wanted)),
  );
  assert.deepEqual(others.map(words), [], 'these fired too');
  const listed = async () =>
    (await listedByReceiver(ground)).filter(
      ({ name, labels }) => name !== 'Watchdog' && !isOfTheMachine(seenOf(labels), expected),
    );
  await waitFor('the receiver to be told', async () => (await listed()).length === 0, patience);
}

/** Notes what Alertmanager holds and what the receiver lists, as long as it is watched: short troubles are over before one looks. */
function watchDelivery(ground: Ground) {
  const routed: Routed[] = [];
  const told: Delivered[] = [];
  const ending = new AbortController();
  const watching = (async () => {
    while (!ending.signal.aborted) {
      // Either may be what the fault took away.
      const [held, listed] = await Promise.allSettled([heldByAlertmanager(ground), listedByReceiver(ground)]);
      if (held.status === 'fulfilled')
        routed.push(...held.value.filter(({ status }) => status.state !== 'unprocessed'));
      if (listed.status === 'fulfilled') told.push(...listed.value);
      await pause(300);
    }
  })();
  return {
    routed,
    told,
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await watching;
    },
  };
}

async function forEach(
  what: string,
  wanted: readonly Expected[],
  check: (one: Expected) => Promise<boolean> | boolean,
): Promise<void> {
  for (const one of wanted) {
    await waitFor(`${one.alert} ${JSON.stringify(one.labels ?? {})}: ${what}`, () => check(one), patience);
  }
}

function isOfTheMachine({ alert }: Seen, expected: readonly Expected[]): boolean {
  return ofTheMachine.has(alert) && !expected.some((one) => one.alert === alert);
}

function seenOf(labels: Record<string, string>): Seen {
  return { alert: labels.alertname ?? '', severity: labels.severity ?? '', labels };
}
