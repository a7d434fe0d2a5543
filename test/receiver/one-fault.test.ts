import assert from 'node:assert/strict';
import { notOfTheFault } from '../../observability/alerts/firing.ts';
import { alertsOf, readAlertWebhook } from '../../src/receiver/alert-webhook.ts';
import { oneForEachFault } from '../../src/receiver/one-fault.ts';
import { labelsOfTheRule } from '../../web/alerts/firing-faults.ts';

const startsAt = '2026-11-29T12:00:00Z';
const webhook = (alerts: { labels: Record<string, string>; status?: string }[]) =>
  alertsOf(
    readAlertWebhook({
      version: '4',
      status: 'firing',
      alerts: alerts.map(({ labels, status = 'firing' }) => ({ status, labels, startsAt })),
    }),
  );
const down = (instance: string, system: string) => ({
  labels: { alertname: 'ServiceDown', severity: 'critical', team: 'serving', instance, system },
});

describe('a webhook with alerts of several systems', () => {
  it('has one event for each fault, at its worst, with the systems that say so', () => {
    const events = oneForEachFault(
      webhook([
        ...['generation', 'generation-guide', 'microstructure'].flatMap((system) => [
          down('a', system),
          down('b', system),
        ]),
        { labels: { alertname: 'HighErrorRate', severity: 'warning', system: 'microstructure' } },
        { labels: { alertname: 'HighErrorRate', severity: 'critical', system: 'generation-guide' } },
        { labels: { alertname: 'BreakerOpen', severity: 'critical', model: 'm' } },
      ]),
    );
    assert.deepEqual(
      events.map(({ name, severity, labels }) => [name, severity, labels.instance, labels.system]),
      [
        ['ServiceDown', 'critical', 'a', 'generation, generation-guide, microstructure'],
        ['ServiceDown', 'critical', 'b', 'generation, generation-guide, microstructure'],
        ['HighErrorRate', 'critical', undefined, 'generation-guide, microstructure'],
        ['BreakerOpen', 'critical', undefined, undefined],
      ],
    );
  });

  it('keeps what fires apart from what is over', () => {
    const events = oneForEachFault(
      webhook([down('a', 'generation'), { ...down('a', 'generation-guide'), status: 'resolved' }]),
    );
    assert.deepEqual(
      events.map(({ state, labels }) => [state, labels.system]),
      [
        ['firing', 'generation'],
        ['resolved', 'generation-guide'],
      ],
    );
  });

  it('is told apart by the same labels as on the dashboards and on the page', () => {
    const only = (label: string) =>
      oneForEachFault(
        webhook([{ labels: { alertname: 'A', [label]: 'x' } }, { labels: { alertname: 'A', [label]: 'y' } }]),
      ).length;
    for (const label of notOfTheFault) assert.equal(only(label), 1, label);
    assert.equal(only('instance'), 2);
    assert.deepEqual([...labelsOfTheRule].sort(), [...notOfTheFault].sort());
  });
});
