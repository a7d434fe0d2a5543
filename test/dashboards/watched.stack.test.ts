// alone: its figures depend on the time of the machine
import assert from 'node:assert/strict';
import { dashboards, panelsOf } from '../../observability/dashboards/dashboards.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { compileShim, type Shim } from '../../testkit/gpu/shim.ts';
import type { Stack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { walkCorrelation } from '../correlation/walk-correlation.ts';
import { askTheStores } from '../mcp/ask-the-stores.ts';
import { askForSummary } from '../summary/ask-for-summary.ts';
import { ask } from './ask.ts';
import { askForMarks } from './ask-for-marks.ts';
import { makeTraffic, type Traffic } from './scripted-traffic.ts';
import { startWatchedStack } from './watched-stack.ts';

/** What cannot be made to happen here, by panel, and why. */
const cannotHappenHere: Readonly<Record<string, string>> = {
  'service: Certificate ends in {{instance}}': 'the port has no certificate; test/tls has the metric',
  ...Object.fromEntries(
    [
      'gpu-host: GPU time by model {{model}}',
      'business: GPU time',
      'business: Energy of GPUs',
      'business: What was used GPU',
      'business: What was used kWh',
      'business: Energy by model {{model}}',
      'business: GPU time by model {{model}}',
    ].map((at) => [at, 'no model runs on a GPU where there is none; how it is shared out is tested in test/telemetry']),
  ),
};

// One stack for the panels and for the ways between the stores: what both need is the same traffic.
describe('a service that is watched, on the real stack', function () {
  this.timeout(900_000);
  let shim: Shim;
  let watched: Awaited<ReturnType<typeof startWatchedStack>>;
  let traffic: Traffic;
  const stack = (): Stack => watched.stack;

  before(async function () {
    shim = availableOrSkip(this, await compileShim());
    await shim.answer({ count: 1, energy: 1_000_000 });
    watched = await startWatchedStack(shim);
    traffic = await makeTraffic(stack());
  });

  after(async () => {
    await traffic?.stop();
    await watched?.[Symbol.asyncDispose]();
    await shim?.[Symbol.asyncDispose]();
  });

  it('shows data in every panel, once what the panel waits for has happened', async () => {
    const backends = {
      prometheus: stack().url('prometheus'),
      loki: stack().url('loki'),
      tempo: stack().url('tempo'),
    };
    const queries = dashboards.flatMap((plan) =>
      panelsOf(plan).flatMap((panel) =>
        panel.queries.map((query) => ({
          query,
          at: `${plan.name}: ${panel.title}${'legend' in query ? ` ${query.legend}` : ''}`.trim(),
        })),
      ),
    );
    let empty = queries.filter(({ at }) => !(at in cannotHappenHere));
    await waitFor(
      'data in every panel',
      async () => {
        const still: typeof empty = [];
        for (const one of empty) if ((await ask(backends, one.query)) === 0) still.push(one);
        empty = still;
        return empty.length === 0;
      },
      { deadlineMs: 120_000, everyMs: 1_000 },
    ).catch((error: unknown) => {
      throw new Error(
        `No data in ${empty.length} of ${queries.length}:\n${empty.map(({ at, query }) => `${at}: ${query.expr}`).join('\n')}`,
        { cause: error },
      );
    });
    // Those that are excused have to be: one that has data after all belongs to the others.
    for (const { at, query } of queries.filter((one) => one.at in cannotHappenHere)) {
      assert.equal(await ask(backends, query), 0, `${at} has data: it needs no excuse`);
    }
  });

  describe('leads', () => walkCorrelation(stack, () => traffic));

  describe('has marks on its dashboards that', () => askForMarks(stack));

  describe('has tools for assistants, and', () => askTheStores(stack));

  describe('has a summary in the terminal that', () => askForSummary(stack));
});
