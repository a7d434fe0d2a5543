import assert from 'node:assert/strict';
import type { FiringAlert } from '../../web/alerts/alert-list.ts';
import { callsSomebody, faultsOf } from '../../web/alerts/firing-faults.ts';

const alert = (labels: Record<string, string>, more: Partial<FiringAlert> = {}): FiringAlert => ({
  labels,
  annotations: {},
  startsAt: '2026-11-29T12:00:00Z',
  fingerprint: JSON.stringify(labels),
  status: { state: 'active', silencedBy: [], inhibitedBy: [] },
  ...more,
});
const inhibited = { status: { state: 'suppressed', silencedBy: [], inhibitedBy: ['x'] } };
const down = (instance: string, system: string) =>
  alert({ alertname: 'ServiceDown', severity: 'critical', team: 'serving', instance, system });

describe('the cards of the alerts that fire', () => {
  it('are one for each fault, with the systems whose rules say so', () => {
    const faults = faultsOf(
      ['generation', 'generation-guide', 'microstructure'].flatMap((system) => [down('a', system), down('b', system)]),
    );
    assert.deepEqual(
      faults.map(({ worst, systems }) => [worst.labels.instance, systems.join(' ')]),
      [
        ['a', 'generation generation-guide microstructure'],
        ['b', 'generation generation-guide microstructure'],
      ],
    );
  });

  it('are at their worst, and held back only when all their alerts are', () => {
    const [both] = faultsOf([
      alert({ alertname: 'HighErrorRate', severity: 'warning', system: 'microstructure' }, inhibited),
      alert({ alertname: 'HighErrorRate', severity: 'critical', system: 'generation-guide' }),
    ]);
    assert.deepEqual([both?.worst.labels.severity, both?.held], ['critical', undefined]);
    const [held] = faultsOf([alert({ alertname: 'A', severity: 'warning' }, inhibited)]);
    assert.equal(held?.held, 'inhibited by another');
  });

  it('have the worst first and of those the newest, and count infos apart', () => {
    const faults = faultsOf([
      alert({ alertname: 'Info', severity: 'info' }),
      alert({ alertname: 'Warning', severity: 'warning' }),
      alert({ alertname: 'Old', severity: 'critical' }),
      alert({ alertname: 'New', severity: 'critical' }, { startsAt: '2026-11-29T13:00:00Z' }),
    ]);
    assert.deepEqual(
      faults.map(({ worst }) => worst.labels.alertname),
      ['New', 'Old', 'Warning', 'Info'],
    );
    assert.equal(faults.filter(callsSomebody).length, 3);
  });
});
