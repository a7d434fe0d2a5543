import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { faults } from './faults.ts';
import { prepareGround, timeScale } from './ground.ts';
import { firingNow, identity, matches, words } from './observe-alerts.ts';
import { watchAlerts } from './watch-alerts.ts';

const longestMs = 180_000;

/** What there is to cause. */
export function listFaults(say: (line: string) => void): void {
  for (const { name, says, raises } of faults) {
    say(`${name.padEnd(18)} ${says}`);
    say(`${' '.repeat(19)}raises ${[...new Set(raises.map(({ alert }) => alert))].join(', ')}`);
  }
}

/**
 * Causes a fault on a stack of its own, whose time runs faster, prints what fires, ends it, and
 * waits for the resolution. The stack that people use is not touched. With `hold` it goes on until
 * Ctrl-C, three minutes at most. False: not everything fired that should.
 */
export async function drill(name: string, say: (line: string) => void, hold: boolean): Promise<boolean> {
  const fault = faults.find((one) => one.name === name);
  if (fault === undefined) throw new Error(`Cannot find the fault ${name}; vitrine fault --list names them.`);
  say(`A stack of its own starts, ${Math.round(1 / timeScale)} times faster than life.`);
  await using ground = await prepareGround();
  const reason = fault.unavailable?.(ground);
  if (reason !== undefined) throw new Error(`Cannot cause ${name} here: ${reason}.`);
  for (const server of ['service', 'prometheus', 'alertmanager', 'receiver'] as const)
    say(`${server.padEnd(13)} ${ground.stack.url(server)}`);

  say(`It begins: ${fault.says}.`);
  await using watch = watchAlerts(ground);
  const end = await fault.cause(ground);
  const told = new Set<string>();
  const missing = () => {
    for (const one of watch.fired().filter((each) => !told.has(identity(each)))) {
      told.add(identity(one));
      say(`fires         ${words(one)}`);
    }
    return fault.raises.filter((wanted) => !watch.fired().some((one) => matches(one, wanted)));
  };
  let interrupted = false;
  if (hold) void once(process, 'SIGINT').then(() => (interrupted = true));
  await whileTrue(() => !interrupted && (missing().length > 0 || hold));
  await end();
  say('It is over.');
  await whileTrue(async () =>
    (await firingNow(ground)).some((one) => fault.raises.some((wanted) => matches(one, wanted))),
  );
  const left = missing();
  for (const { alert } of left) say(`MISSING       ${alert} did not fire`);
  say(left.length === 0 ? 'All that should have fired did, and is resolved.' : 'Not everything fired that should.');
  return left.length === 0;
}

async function whileTrue(check: () => Promise<boolean> | boolean): Promise<void> {
  const endsAt = performance.now() + longestMs;
  while (performance.now() < endsAt && (await check())) await pause(500);
}
