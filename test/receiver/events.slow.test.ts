import assert from 'node:assert/strict';
import { waitFor } from '../../testkit/wait-for.ts';
import { startToldReceiver } from './told-receiver.ts';

describe('pushed events', function () {
  this.timeout(240_000);

  it('become counters, gauges, histograms and log events', async () => {
    await using at = await startToldReceiver();
    const { told, receiver } = at;
    const answer = await receiver.post(
      '/events',
      lines(
        { kind: 'counter', name: 'backups', labels: { target: 'disk' } },
        { kind: 'counter', name: 'backups', labels: { target: 'disk' }, value: 2.5 },
        { kind: 'gauge', name: 'backup_age', unit: 's', value: -3 },
        ...[0.5, 1, 7].map((value) => ({
          kind: 'histogram',
          name: 'backup_duration',
          unit: 's',
          value,
          buckets: [1, 5],
        })),
        { kind: 'event', name: 'backup_done', level: 'warn', message: 'slow', labels: { target: 'disk' } },
      ),
    );
    assert.deepEqual(answer, { status: 200, json: { accepted: 7 } });
    await waitFor('the counter', () => told.course('backups', { target: 'disk' }).at(-1) === 3.5);
    await waitFor('the histogram', () => told.course('backup_duration').at(-1) === 3);
    assert.deepEqual(
      told.course('backups'),
      [0, 3.5],
      'a counter begins at 0, or its first increments would not be seen',
    );
    assert.deepEqual(told.course('backup_age'), [-3]);
    const histogram = told.points.findLast(({ name }) => name === 'backup_duration');
    assert.deepEqual([histogram?.buckets, histogram?.unit], [[2, 0, 1], 's']);
    const [event] = told.events('event');
    assert.equal(event?.severity, 'warn');
    assert.equal(event?.body, 'Event backup_done');
    assert.equal(event?.attributes['event.message'], 'slow');
    assert.equal(event?.attributes['event.label.target'], 'disk');
  });

  it('go on counting where they were after a stop and after a kill', async () => {
    await using at = await startToldReceiver();
    const { told } = at;
    const push = (value: number) =>
      at.receiver.post('/events', lines({ kind: 'counter', name: 'nightly_runs', value }));
    await push(1);
    await waitFor('the first', () => told.course('nightly_runs').at(-1) === 1);
    await push(2);
    await at.restart('SIGKILL');
    await push(4);
    await at.restart('SIGTERM');
    await push(8);
    await waitFor('the sum', () => told.course('nightly_runs').at(-1) === 15);
    const course = told.course('nightly_runs');
    assert.deepEqual(
      course,
      course.toSorted((a, b) => a - b),
      'it never went back',
    );
  });

  it('are taken as a whole or not at all', async () => {
    await using at = await startToldReceiver();
    const good = { kind: 'counter', name: 'nightly_runs' };
    const refused = await at.receiver.post(
      '/events',
      lines(good, { kind: 'event', name: 'job_done' }, { kind: 'counter' }, good, 'no object'),
    );
    assert.equal(refused.status, 400);
    assert.match(String(refused.json.error), /line 3: name: .*; line 5: /);
    await at.receiver.post('/events', lines(good, { kind: 'event', name: 'last' }));
    await waitFor('the counter', () => at.told.course('nightly_runs').at(-1) === 1);
    await waitFor('the event', () => at.told.events('event').length > 0);
    assert.deepEqual(
      at.told.events('event').map(({ attributes }) => attributes['event.name']),
      ['last'],
    );
  });

  it('that are sent again under the same idempotency key count once', async () => {
    await using at = await startToldReceiver();
    const body = lines({ kind: 'counter', name: 'nightly_runs' }, { kind: 'event', name: 'job_done' });
    const push = (key: string) => at.receiver.post('/events', body, { 'idempotency-key': key });
    assert.deepEqual((await push('run-1')).json, { accepted: 2 });
    assert.deepEqual((await push('run-1')).json, { repeated: true });
    await at.restart('SIGKILL');
    assert.deepEqual((await push('run-1')).json, { repeated: true });
    assert.deepEqual((await push('run-2')).json, { accepted: 2 });
    await waitFor('both', () => at.told.course('nightly_runs').at(-1) === 2 && at.told.events('event').length === 2);
  });

  it('that would make too many series are refused, and known ones go on', async () => {
    await using at = await startToldReceiver({ VITRINE_RECEIVER_SERIES_MAX: '2' });
    const job = (id: string) => ({ kind: 'counter', name: 'nightly_runs', labels: { id } });
    assert.equal((await at.receiver.post('/events', lines(job('a'), job('b')))).status, 200);
    const refused = await at.receiver.post('/events', lines(job('a'), job('c')));
    assert.deepEqual([refused.status, refused.json.code], [422, 'too_many_series']);
    assert.equal((await at.receiver.post('/events', lines(job('a')))).status, 200);
    await waitFor('the known one', () => at.told.course('nightly_runs', { id: 'a' }).at(-1) === 2);
    assert.deepEqual(at.told.course('nightly_runs', { id: 'c' }), []);
    await waitFor(
      'the refusal',
      () => at.told.course('vitrine.receiver.refused', { door: 'events', reason: 'too_many_series' }).at(-1) === 1,
    );
  });

  it('that nobody renews are no longer told', async () => {
    await using at = await startToldReceiver({ VITRINE_RECEIVER_SERIES_AGE_MS_MAX: '1000' });
    await at.receiver.post('/events', lines({ kind: 'gauge', name: 'level', value: 1 }));
    await waitFor('the gauge', () => at.told.course('level').length === 1);
    await waitFor('its end', () => {
      const held = at.told.course('vitrine.receiver.series');
      return held.includes(1) && held.at(-1) === 0;
    });
    const told = at.told.points.filter(({ name }) => name === 'level').length;
    await at.receiver.post('/events', lines({ kind: 'gauge', name: 'other', value: 1 }));
    await waitFor('a later export', () => at.told.course('other').length === 1);
    assert.equal(at.told.points.filter(({ name }) => name === 'level').length, told);
  });

  const clashes: [string, object][] = [
    ['kind', { kind: 'gauge', name: 'work', unit: 's', value: 1 }],
    ['unit', { kind: 'counter', name: 'work' }],
    ['unit that makes the same name', { kind: 'counter', name: 'work_seconds' }],
    ['buckets', { kind: 'histogram', name: 'wait', value: 1, buckets: [1, 3] }],
  ];
  it('that clash with a metric that exists are refused', async () => {
    await using at = await startToldReceiver();
    const first = lines(
      { kind: 'counter', name: 'work', unit: 's' },
      { kind: 'histogram', name: 'wait', value: 1, buckets: [1, 2] },
    );
    assert.equal((await at.receiver.post('/events', first)).status, 200);
    for (const [what, line] of clashes) {
      const refused = await at.receiver.post('/events', lines(line));
      assert.deepEqual([refused.status, refused.json.code], [409, 'name_taken'], what);
    }
  });

  const wrong: [string, unknown][] = [
    ['no JSON', '{"kind":'],
    ['an array', '[1]'],
    ['an unknown kind', { kind: 'timer', name: 'a' }],
    ['a misspelt field', { kind: 'counter', name: 'a', vaule: 2 }],
    ['a name with dots', { kind: 'counter', name: 'a.b' }],
    ['a name in capitals', { kind: 'counter', name: 'Jobs' }],
    ['a name of 65 characters', { kind: 'counter', name: 'a'.repeat(65) }],
    ['a name with a suffix of Prometheus', { kind: 'counter', name: 'jobs_total' }],
    ['a name of our own', { kind: 'counter', name: 'vitrine_jobs' }],
    ['a name of another of our own', { kind: 'counter', name: 'http_requests' }],
    ['a counter that goes down', { kind: 'counter', name: 'a', value: -1 }],
    ['a gauge without a value', { kind: 'gauge', name: 'a' }],
    ['a value that is text', { kind: 'gauge', name: 'a', value: '1' }],
    ['a value beyond all numbers', '{"kind":"gauge","name":"a","value":1e999}'],
    ['an unknown unit', { kind: 'gauge', name: 'a', value: 1, unit: 'parsec' }],
    ['buckets that do not increase', { kind: 'histogram', name: 'a', value: 1, buckets: [2, 1] }],
    [
      'eleven labels',
      {
        kind: 'counter',
        name: 'a',
        labels: Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`l${at}`, 'x'])),
      },
    ],
    ['a label that is a number', { kind: 'counter', name: 'a', labels: { b: 1 } }],
    ['an empty label', { kind: 'counter', name: 'a', labels: { b: '' } }],
    ['a long label', { kind: 'counter', name: 'a', labels: { b: 'x'.repeat(129) } }],
    ['a label with a line break', { kind: 'counter', name: 'a', labels: { b: 'x\ny' } }],
    ['half a character', '{"kind":"counter","name":"a","labels":{"b":"\\ud800"}}'],
    ['a label that Prometheus sets', { kind: 'counter', name: 'a', labels: { job: 'x' } }],
    ['a label from a prototype', '{"kind":"counter","name":"a","labels":{"__proto__":"x"}}'],
    ['an event with an unknown level', { kind: 'event', name: 'a', level: 'fatal' }],
    ['nothing', ''],
    ['empty lines', '\n\n'],
  ];
  it('that are junk are refused with the reason and counted, and the next are taken', async () => {
    await using at = await startToldReceiver();
    for (const [what, line] of wrong) {
      const refused = await at.receiver.post('/events', typeof line === 'string' ? line : lines(line));
      assert.deepEqual([refused.status, refused.json.code], [400, 'invalid_body'], what);
      assert.match(String(refused.json.error), /^Cannot take the events: .+; .+\.$/, what);
    }
    assert.equal((await at.receiver.post('/events', lines({ kind: 'counter', name: 'a' }))).status, 200);
    await waitFor(
      'the refusals',
      () =>
        at.told.course('vitrine.receiver.refused', { door: 'events', reason: 'invalid_body' }).at(-1) === wrong.length,
    );
  });
});

function lines(...all: unknown[]): string {
  return all.map((line) => JSON.stringify(line)).join('\n');
}
