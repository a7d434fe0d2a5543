import assert from 'node:assert/strict';
import { join } from 'node:path';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { type NetworkCut, startNetworkCut } from '../../testkit/network-cut.ts';
import { startPostgres, type TestPostgres } from '../../testkit/postgres.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { startReceiver } from './receiver-process.ts';
import { ToldTelemetry } from './told-telemetry.ts';
import { alertmanagerWebhook } from './webhook.ts';

/** On a machine that does much else. */
const patience = { deadlineMs: 120_000 };

describe('two receivers behind one name', function () {
  this.timeout(600_000);
  let database: TestPostgres;
  let way: NetworkCut;

  before(async function () {
    database = availableOrSkip(this, await startPostgres());
    way = await startNetworkCut(database.port);
  });
  after(async () => {
    await way?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  async function startTwo() {
    const stack = new AsyncDisposableStack();
    const told = stack.adopt(await ToldTelemetry.start(), (one) => one.stop());
    const folder = stack.use(await temporaryFolder());
    const settings = (name: string) => ({
      VITRINE_DATA: join(folder.path, name),
      OTEL_EXPORTER_OTLP_ENDPOINT: told.endpoint,
      VITRINE_DATABASE_URL: database.url.replace(`:${database.port}/`, `:${way.port}/`),
      VITRINE_DATABASE_SCHEMA: schema,
      VITRINE_DATABASE_POLL_MS: '200',
      VITRINE_DATABASE_WAIT_MS_MAX: '500',
      VITRINE_DATABASE_STATEMENT_MS_MAX: '1000',
    });
    const schema = database.schema();
    const one = stack.use(await startReceiver(settings('one')));
    const two = stack.use(await startReceiver(settings('two')));
    return { told, one, two, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }

  it('make one event of an alert that both are sent at once, and have the same list', async () => {
    await using at = await startTwo();
    const { told, one, two } = at;
    const alerts = Array.from({ length: 20 }, (_, n) => ({ fingerprint: `f${n}`, labels: { lane: String(n) } }));
    await Promise.all(
      alerts.flatMap((alert) => [one, two].map((each) => each.post('/alerts', alertmanagerWebhook(alert)))),
    );
    await waitFor(
      'both lists',
      async () => (await Promise.all([one.firing(), two.firing()])).every(({ length }) => length === alerts.length),
      patience,
    );
    // The end of each goes to the receiver that did not take its beginning.
    for (const alert of alerts) await two.post('/alerts', alertmanagerWebhook({ ...alert, status: 'resolved' }));
    await waitFor('the list of the other', async () => (await one.firing()).length === 0, patience);
    assert.deepEqual((await one.post('/alerts', alertmanagerWebhook({ ...alerts[0], status: 'resolved' }))).json, {
      accepted: 0,
      repeated: 1,
    });
    await one.kill('SIGTERM');
    await two.kill('SIGTERM');
    const events = told
      .events('alert')
      .map(({ attributes }) => `${attributes['alert.fingerprint']} ${attributes['alert.state']}`);
    assert.equal(events.length, 2 * alerts.length);
    assert.equal(new Set(events).size, events.length);
  });

  it('take a delivery with a key once', async () => {
    await using at = await startTwo();
    const mark = { version: '1.2.3' };
    const headers = { 'Idempotency-Key': 'release-1.2.3' };
    const answers = [await at.one.post('/deploy', mark, headers), await at.two.post('/deploy', mark, headers)];
    assert.deepEqual(
      answers.map(({ json }) => json),
      [{ accepted: 1 }, { repeated: true }],
    );
  });

  it('lose no alert while the database is silent, and agree again when it is back', async () => {
    await using at = await startTwo();
    const { told, one, two } = at;
    way.cut();
    const webhook = (fingerprint: string) => alertmanagerWebhook({ fingerprint, labels: { lane: fingerprint } });
    assert.equal((await one.post('/alerts', webhook('during'))).status, 200);
    await waitFor('the event', () => told.events('alert').length === 1, patience);
    way.heal();
    await waitFor('the other to know it', async () => (await two.firing()).length === 1, patience);
    assert.deepEqual((await two.post('/alerts', webhook('during'))).json, { accepted: 0, repeated: 1 });
  });
});
