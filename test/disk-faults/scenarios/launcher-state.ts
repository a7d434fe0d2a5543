import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeKeys } from '../../../cli/commands/new-key.ts';
import { identify } from '../../../launcher/process-identity.ts';
import { takeLock } from '../../../launcher/process-lock.ts';
import { answerRestartRequests, requestRestart } from '../../../launcher/restart-request.ts';
import { StackFailure } from '../../../launcher/stack-failure.ts';
import { endLeftovers, readState, type StackState, StateFile } from '../../../launcher/stack-state.ts';
import type { Scenario } from '../scenario.ts';

/**
 * A launcher takes its lock, writes its state, answers a restart, and ends; another one finds what
 * it left.
 */
export const launcherStateScenario: Scenario = {
  name: 'launcher-state',
  async run({ folder, alias, disk, start, until, said }) {
    const launcher = await identify(process.pid);
    assert.ok(launcher);
    const lockPath = join(folder, 'stack', 'lock');
    const lock = await start(() => takeLock(lockPath));
    assert.ok('release' in lock, 'a lock that nobody has is not taken by anybody');
    const file = new StateFile(folder, (sentence) => said.push(sentence));
    const state = (startedAtMs: number): StackState => ({
      launcher,
      startedAtMs,
      settled: true,
      ports: {},
      components: [],
    });
    for (let number = 1; number <= 3; number += 1) file.write(state(number));

    const restarted: string[] = [];
    const stack = {
      data: folder,
      names: ['service'] as const,
      restart: async (name: string) => {
        restarted.push(name);
      },
    };
    const answer = answerRestartRequests(stack, (sentence) => said.push(sentence));
    const told = () => void answer();
    process.on('SIGUSR2', told);
    try {
      const asked = requestRestart(folder, launcher, { name: 'service', env: {} }, 6_000).then(
        () => 'done' as const,
        (error: Error) => {
          said.push(error.message);
          return 'failed' as const;
        },
      );
      let outcome: string | undefined;
      void asked.then((end) => {
        outcome = end;
      });
      await until('the answer', () => outcome !== undefined);
      assert.ok(restarted.length <= 1, 'a restart is done once');
      if (outcome === 'done') assert.equal(restarted.length, 1);
      if (!disk.wasLasting) assert.equal(outcome, 'done');
      await answer();
    } finally {
      process.off('SIGUSR2', told);
    }
    await until('the newest state', () => {
      try {
        return readState(alias)?.startedAtMs === 3;
      } catch {
        return false;
      }
    });
    await file.close();
    await start(() => lock.release());
    const again = await start(() => takeLock(lockPath));
    assert.ok('release' in again);
    await start(() => again.release());
    assert.deepEqual(await start(() => endLeftovers(folder)), []);
  },
};

/** Keys are added to the file one after the other. */
export const newKeyScenario: Scenario = {
  name: 'new-key',
  async run({ folder, alias, start }) {
    const file = join(folder, 'keys.json');
    const read = (name: string) => JSON.parse(readFileSync(join(alias, name), 'utf8')) as { keys: { name: string }[] };
    const keys: { name: string; sha256: string }[] = [];
    for (const name of ['one', 'two', 'three']) {
      const before = [...keys];
      keys.push({ name, sha256: `${keys.length}`.repeat(64) });
      await start(() => {
        try {
          writeKeys(file, keys);
        } catch (error) {
          assert.ok(error instanceof StackFailure);
          // Whatever happened, the file is somewhere: as it was, as it should be, or beside it as the message
          // says.
          if (/has all of it/.test(error.message)) assert.deepEqual(read('keys.json.new').keys, keys);
          else if (before.length > 0) assert.deepEqual(read('keys.json').keys, before);
          throw error;
        }
      });
      assert.deepEqual(read('keys.json').keys, keys);
    }
  },
};
