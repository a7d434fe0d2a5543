import assert from 'node:assert/strict';
import { alertRules } from '../../observability/alerts/alerts.ts';
import { hostRules } from '../../observability/alerts/host-rules.ts';
import { isAlert } from '../../observability/alerts/rule.ts';
import type { Expected, Fault, Ground } from '../../testkit/faults/fault.ts';
import { faults } from '../../testkit/faults/faults.ts';
import { prepareGround } from '../../testkit/faults/ground.ts';
import {
  firingNow,
  identity,
  listedByReceiver,
  matches,
  type Seen,
  words,
} from '../../testkit/faults/observe-alerts.ts';
import { watchAlerts } from '../../testkit/faults/watch-alerts.ts';
import { waitFor } from '../../testkit/wait-for.ts';

// alone: a busy machine raises alerts of its own.

const patience = { deadlineMs: 120_000, everyMs: 300 };

/** What a loaded machine raises by itself says nothing about a fault. */
const ofTheMachine = new Set([
  ...hostRules.rules.filter(isAlert).map(({ alert }) => alert),
  'EventLoopDelayed',
  'EventLoopBusy',
  'GarbageCollectionHeavy',
  'TimeUnaccounted',
]);

/**
 * Faults that do not touch each other are caused side by side: each alert says by its labels whose
 * it is. Those that compute stand apart from each other, so that two processors are enough.
 */
const together: readonly (readonly string[])[] = [
  ['slow-model', 'failing-model', 'rate-limit-storm'],
  ['breaker-open', 'lane-crash', 'lane-stuck'],
  ['queue-full', 'memory-pressure', 'disk-nearly-full', 'gpu-hot', 'gpu-lost'],
  ['low-quality', 'loki-down', 'tempo-down'],
  ['collector-down'],
  ['service-down'],
  ['alertmanager-down'],
  ['prometheus-down'],
];

describe('a fault raises its alerts and no other', function () {
  this.timeout(600_000);
  let ground: Ground & AsyncDisposable;
  /** What the faults so far may raise, and may still be firing when the next one begins. */
  const expectedSoFar: Expected[] = [];

  before(async () => {
    ground = await prepareGround();
    await noneButOfTheMachine('before any fault', () => firingNow(ground));
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

  it('after all of them nothing fires, and the receiver lists nothing', async () => {
    await noneButOfTheMachine('fires', () => firingNow(ground));
    await noneButOfTheMachine('is listed by the receiver', () => listedByReceiver(ground));
  });

  async function raiseAndEnd(on: Ground, some: readonly Fault[]): Promise<void> {
    const raised = some.flatMap(({ raises }) => raises);
    const expected = [...raised, ...some.flatMap(({ mayRaise = [] }) => mayRaise)];
    const delivered = some.filter((fault) => fault.delivered !== false).flatMap(({ raises }) => raises);
    // What follows from an earlier fault may come as late as its long windows; it says of what it is.
    const allowed = [...expected, ...expectedSoFar.filter(({ labels }) => labels !== undefined)];
    const before = new Set(
      [...(await firingNow(on)), ...(await listedByReceiver(on))]
        .filter((one) => expectedSoFar.some((wanted) => matches(one, wanted)))
        .map(identity),
    );
    expectedSoFar.push(...expected);

    await using watch = watchAlerts(on);
    const begun = await Promise.allSettled(some.map((fault) => fault.cause(on)));
    const ends = begun.filter((one) => one.status === 'fulfilled').map(({ value }) => value);
    try {
      for (const one of begun) if (one.status === 'rejected') throw one.reason;
      await each('fires', raised, (wanted) => watch.fired().some((one) => matches(one, wanted)));
      await each('is routed, and told to the receiver unless a worse one keeps it back', delivered, (wanted) => {
        const routed = watch.routed().filter(({ one }) => matches(one, wanted));
        for (const { one, receivers } of routed) assert.deepEqual(receivers, [routeOf(one)]);
        return (
          routed.some(({ state }) => state === 'suppressed') ||
          (routed.length > 0 && watch.told().some((one) => matches(one, wanted)))
        );
      });
    } finally {
      await Promise.all(ends.map((end) => end()));
    }
    await each('is resolved', raised, async (wanted) => !(await firingNow(on)).some((one) => matches(one, wanted)));
    await watch.look();
    const others = [...watch.fired(), ...watch.told()].filter(
      (one) =>
        !ofTheMachine.has(one.alert) && !before.has(identity(one)) && !allowed.some((wanted) => matches(one, wanted)),
    );
    assert.deepEqual([...new Set(others.map(words))], [], 'these fired too');
  }
});

/** The receiver of alertmanager.yaml: one a severity and team, but for what is only logged. */
function routeOf({ severity, labels }: Seen): string {
  return severity === 'info' ? 'info' : `${severity}-${labels.team}`;
}

async function each(
  what: string,
  wanted: readonly Expected[],
  check: (one: Expected) => Promise<boolean> | boolean,
): Promise<void> {
  for (const one of wanted) {
    await waitFor(`${one.alert} ${JSON.stringify(one.labels ?? {})}: ${what}`, () => check(one), patience);
  }
}

async function noneButOfTheMachine(what: string, ask: () => Promise<Seen[]>): Promise<void> {
  let left: readonly Seen[] = [];
  await waitFor(
    `nothing that ${what}`,
    async () => {
      left = (await ask()).filter(({ alert }) => !ofTheMachine.has(alert));
      return left.length === 0;
    },
    patience,
  ).catch((cause: unknown) => {
    throw new Error(left.map(words).join('; '), { cause });
  });
}
