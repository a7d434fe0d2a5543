import assert from 'node:assert/strict';
import { printSummary } from '../../cli/summary/print-summary.ts';
import { readSummary, type Summary } from '../../cli/summary/read-summary.ts';

const well: Summary = {
  at: '2026-11-21T10:00:00.000Z',
  minutes: 5,
  service: { instances: 1, requests: 12.3456, faults: 0, mistakes: 0, left: 0, p50: 0.0012, p95: 0.02, p99: 1.5 },
  instances: [],
  models: [
    { model: 'a', requests: 200, failures: 0, p50: 0.001, p95: 0.002, p99: 0.003, waiting: 0, breaker: 'closed' },
    { model: 'idle', requests: 0, failures: 0, p50: null, p95: null, p99: null, waiting: 0, breaker: 'closed' },
  ],
  errors: [],
  jobs: { waiting: 0, running: 0 },
  gpus: [],
  pipeline: { made: 10, exported: 10, dropped: 0, missing: 0, spooled: 0, fullestQueue: 0, servers: { up: 5, of: 5 } },
  alerts: [],
};

describe('the summary in the terminal', () => {
  it('says first whether it is well, and why not', () => {
    const first = (summary: Summary) => printSummary(summary).split('\n')[0];
    assert.equal(first(well), 'Vitrine at 10:00:00 UTC, over 5 min: all is well.');
    const warning = { alert: 'A', severity: 'warning', model: '', about: '' };
    assert.match(first({ ...well, alerts: [warning] }) ?? '', /1 alert fires\.$/);
    assert.match(
      first({ ...well, alerts: [warning, { ...warning, severity: 'critical' }] }) ?? '',
      /2 alerts fire, 1 of them critical\.$/,
    );
    assert.match(first({ ...well, pipeline: { ...well.pipeline, missing: 1 } }) ?? '', /telemetry was lost\.$/);
    assert.match(
      first({ ...well, pipeline: { ...well.pipeline, servers: { up: 4, of: 5 } } }) ?? '',
      /does not answer\.$/,
    );
    assert.match(first({ ...well, service: { ...well.service, instances: 0 } }) ?? '', /no instance/);
  });

  it('has a line for each model, with a dash for what cannot be known, and leaves empty tables out', () => {
    const text = printSummary(well);
    assert.match(text, /^ {2}a +200 +0\.00 +1\.0 ms +2\.0 ms +3\.0 ms +0 +closed$/m);
    assert.match(text, /^ {2}idle +0\.00 +0\.00 +– +– +– +0 +closed$/m);
    assert.match(text, /1\.50 s/);
    assert.doesNotMatch(text, /Errors|GPUs|Alerts/);
  });

  it('has a line for each instance where there are several', () => {
    const one = { instance: 'a1', silentSeconds: 2.2, requests: 3, faults: 0, p95: 0.02, waiting: 1, jobsRunning: 0 };
    const two = { ...one, instance: 'b2', silentSeconds: 65, requests: 0, p95: null };
    assert.doesNotMatch(printSummary({ ...well, instances: [one] }), /Instances/);
    const text = printSummary({ ...well, instances: [one, two] });
    assert.match(text, /^ {2}a1 +2 s ago +3\.00 +0\.00 +20\.0 ms +1 +0$/m);
    assert.match(text, /^ {2}b2 +65 s ago +0\.00 +0\.00 +– +1 +0$/m);
  });

  it('says where Prometheus was looked for when it does not answer', async () => {
    await assert.rejects(
      readSummary({ name: 'prometheus', url: 'http://127.0.0.1:9' }, 5),
      /Prometheus at http:\/\/127\.0\.0\.1:9 does not answer \(ECONNREFUSED\); .*--prometheus/,
    );
  });
});
