import assert from 'node:assert/strict';
import { readConfig } from '../../../src/config.ts';
import { ServiceError } from '../../../src/errors.ts';
import type { Alert } from '../../../src/receiver/alert-webhook.ts';
import { Store } from '../../../src/receiver/store.ts';
import type { Ground, Scenario } from '../scenario.ts';

const config = readConfig({});

/** Deliveries are taken, each until it is acknowledged; the next process has all of them. */
export const receiverStoreScenario: Scenario = {
  name: 'receiver-store',
  async run(ground) {
    const { folder, start, until } = ground;
    let store = await start(() => Store.open(folder, config));
    const acknowledged: string[] = [];
    for (let number = 0; number < 3; number += 1) {
      await until(`delivery ${number}`, () =>
        tried(ground, () => {
          const key = `events:${number}`;
          // As the endpoint asks: one that was taken is not taken again.
          if (store.hasDelivery(key)) return;
          store.inTransaction(() => {
            store.rememberAlerts([alert(number)], 1_000 + number);
            store.rememberDelivery(key, 1_000 + number);
          });
        }),
      );
      acknowledged.push(`events:${number}`);
    }
    closed(ground, store);
    store = await start(() => Store.open(folder, config));
    assert.equal(store.setAside, undefined, 'a disk that fails for a moment is no damaged memory');
    await until('what was acknowledged', () =>
      tried(ground, () => {
        assert.deepEqual(
          acknowledged.filter((key) => !store.hasDelivery(key)),
          [],
        );
        assert.equal(store.firingCount, acknowledged.length);
        assert.equal(store.firing().length, acknowledged.length);
      }),
    );
    assert.ok(store.works);
    closed(ground, store);
    if (
      ground.disk.wasLasting &&
      !ground.disk.wasShort &&
      ground.disk.failedKinds.some((kind) => kind !== 'stat' && kind !== 'unlink')
    )
      assert.ok(ground.said.length > 0, 'it says what was wrong');
  },
};

function tried({ said }: Ground, act: () => void): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    assert.equal(error.code, 'not_kept');
    said.push(error.message);
    return false;
  }
}

function closed({ said }: Ground, store: Store): void {
  try {
    store.close();
  } catch (error) {
    said.push((error as Error).message);
  }
}

function alert(number: number): Alert {
  return {
    source: 'prometheus',
    fingerprint: `f${number}`,
    name: 'Test',
    severity: 'warning',
    state: 'firing',
    startsAt: '2026-01-01T00:00:00Z',
    labels: {},
    annotations: {},
    links: {},
  } as unknown as Alert;
}
