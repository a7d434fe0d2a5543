import assert from 'node:assert/strict';
import { alertRules, logRuleGroups } from '../../observability/alerts/alerts.ts';
import { isAlert } from '../../observability/alerts/rule.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { sendLogs } from '../backends/send-otlp.ts';

type Line = { severity: 'INFO' | 'ERROR'; attributes: Record<string, string>; stream?: string; service?: string };

const error = (attributes: Record<string, string>): Line => ({ severity: 'ERROR', attributes });

/** Lines that raise each alert of the log, as the service writes them. */
const raisedBy: Readonly<Record<string, { lines: readonly Line[]; times: number; labels: Record<string, string> }>> = {
  CallersRefused: {
    lines: [{ severity: 'INFO', attributes: { event_type: 'caller_refused' }, stream: 'security' }],
    times: 21,
    labels: { service_name: 'vitrine' },
  },
  SecurityEvent: {
    lines: [{ ...error({ event_type: 'api_keys_unusable' }), stream: 'security' }],
    times: 1,
    labels: { service_name: 'vitrine', event_type: 'api_keys_unusable' },
  },
  AlertingSilent: {
    lines: [{ ...error({ event_type: 'alerting_silent' }), service: 'vitrine-receiver' }],
    times: 1,
    labels: { service_name: 'vitrine-receiver' },
  },
  ErrorBurst: { lines: [error({ event_type: 'http_request' })], times: 51, labels: { service_name: 'vitrine' } },
  NewErrorKind: {
    lines: [error({ event_type: 'http_request', 'error.type': 'lane_crashed' })],
    times: 1,
    labels: { service_name: 'vitrine', error_type: 'lane_crashed' },
  },
  SecretsMasked: {
    lines: [{ severity: 'INFO', attributes: { 'redaction.masked.count': '1' } }],
    times: 1,
    labels: { service_name: 'vitrine' },
  },
};

describe('alerts from log lines, from Loki’s ruler to Alertmanager', function () {
  this.timeout(900_000);
  let stack: Stack;

  before(async () => {
    stack = await startStack({ only: ['loki', 'alertmanager'], env: { VITRINE_TIME_SCALE: '0.05' } });
  });
  after(() => stack?.close());

  it('are all tried here', () => {
    const all = logRuleGroups.flatMap(({ rules }) => rules.filter(isAlert)).map(({ alert }) => alert);
    assert.deepEqual(all.toSorted(), Object.keys(raisedBy).toSorted());
  });

  it('are silent while nothing but ordinary lines comes', async () => {
    await tell([{ severity: 'INFO', attributes: { event_type: 'http_request' } }], 60);
    await waitFor(
      'a first evaluation of each rule',
      async () => {
        const answer = await fetch(`${stack.url('loki')}/prometheus/api/v1/rules`);
        const { data } = (await answer.json()) as { data: { groups: { rules: { lastEvaluation: string }[] }[] } };
        const rules = data.groups.flatMap((group) => group.rules);
        return rules.length > 0 && rules.every(({ lastEvaluation }) => !lastEvaluation.startsWith('0001'));
      },
      { deadlineMs: 120_000 },
    );
    assert.deepEqual(await firing(), []);
  });

  it('fire with the labels of their lines, and end', async () => {
    for (const { lines, times } of Object.values(raisedBy)) await tell(lines, times);
    // One may have ended before another begins.
    const seen: Record<string, string>[] = [];
    const missing = () =>
      Object.entries(raisedBy)
        .filter(([alert, { labels }]) => !seen.some((one) => one.alertname === alert && has(one, labels)))
        .map(([alert]) => alert);
    await waitFor(
      'all of them',
      async () => {
        seen.push(...(await firing()));
        return missing().length === 0;
      },
      { deadlineMs: 120_000 },
    ).catch((cause: unknown) => {
      throw new Error(`These did not come: ${missing()}`, { cause });
    });
    for (const { alertname, severity, team } of seen) {
      const rule = alertRules.find((one) => one.alert === alertname);
      assert.deepEqual({ severity, team }, { severity: rule?.severity, team: rule?.team });
    }
    await waitFor('their end', async () => (await firing()).length === 0, { deadlineMs: 300_000, everyMs: 1_000 });
  });

  async function tell(lines: readonly Line[], times: number): Promise<void> {
    for (const { severity, attributes, stream = 'app', service = 'vitrine' } of lines) {
      const answer = await sendLogs(
        `${stack.url('loki')}/otlp/v1/logs`,
        Array.from({ length: times }, (_, at) => ({ body: `line ${at}`, atMs: Date.now() + at, severity, attributes })),
        { 'service.name': service, 'log.stream': stream },
      );
      assert.ok(answer.status < 300, answer.text);
    }
  }

  async function firing(): Promise<Record<string, string>[]> {
    const answer = await fetch(`${stack.url('alertmanager')}/api/v2/alerts`);
    return ((await answer.json()) as { labels: Record<string, string> }[]).map(({ labels }) => labels);
  }
});

function has(one: Record<string, string>, labels: Record<string, string>): boolean {
  return Object.entries(labels).every(([label, value]) => one[label] === value);
}
