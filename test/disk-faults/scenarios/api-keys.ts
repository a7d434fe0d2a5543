import assert from 'node:assert/strict';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ApiKeys, newApiKey } from '../../../src/api/access/api-keys.ts';
import type { Scenario } from '../scenario.ts';

/** A key is taken out of the file while it is watched. */
export const apiKeysScenario: Scenario = {
  name: 'api-keys',
  async run({ folder, alias, disk, start, until }) {
    const [one, two] = [newApiKey('one'), newApiKey('two')];
    const write = async (keys: unknown[]) => {
      await writeFile(join(alias, 'keys.new'), JSON.stringify({ keys }));
      await rename(join(alias, 'keys.new'), join(alias, 'keys.json'));
    };
    await write([one.entry, two.entry]);
    using keys = await start(() => ApiKeys.open(join(folder, 'keys.json'), { lookAgainMs: 5 }));
    const failedAtStart = disk.failed;
    await write([two.entry]);
    let wasStale = false;
    await until('the key to be gone', () => {
      wasStale ||= keys.stale !== undefined;
      return keys.find(one.key) === undefined;
    });
    assert.equal(keys.find(two.key)?.name, 'two');
    await until('fresh keys', () => keys.stale === undefined);
    if (disk.failed > failedAtStart && disk.wasLasting && !disk.wasShort)
      assert.ok(wasStale, 'it says that they are stale');
  },
};
