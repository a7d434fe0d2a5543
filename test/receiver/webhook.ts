export type AlertGiven = {
  status?: 'firing' | 'resolved';
  startsAt?: string;
  fingerprint?: string;
  labels?: Record<string, string>;
};

/** A webhook as Alertmanager sends it. */
export function alertmanagerWebhook(...alerts: AlertGiven[]) {
  return {
    version: '4',
    groupKey: '{}:{alertname="LaneStuck"}',
    truncatedAlerts: 0,
    status: alerts.some(({ status }) => status !== 'resolved') ? 'firing' : 'resolved',
    receiver: 'webhook',
    groupLabels: { alertname: 'LaneStuck' },
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'http://alertmanager:9093',
    alerts: alerts.map(
      ({
        status = 'firing',
        startsAt = '2026-11-21T10:00:00.123456789Z',
        fingerprint = 'c6eadffa33fcdf37',
        labels = {},
      }) => ({
        status,
        labels: { alertname: 'LaneStuck', severity: 'critical', ...labels },
        annotations: { summary: 'A lane is stuck', runbook: 'https://example.org/runbooks/LaneStuck' },
        startsAt,
        endsAt: status === 'resolved' ? '2026-11-21T10:05:00Z' : '0001-01-01T00:00:00Z',
        generatorURL: 'http://prometheus:9090/graph?g0.expr=up',
        fingerprint,
      }),
    ),
  };
}

/** A webhook as Grafana sends it. */
export function grafanaWebhook() {
  return {
    receiver: 'webhook',
    status: 'firing',
    orgId: 1,
    alerts: [
      {
        status: 'firing',
        labels: { alertname: 'Disk nearly full', zone: 'a' },
        annotations: { summary: 'Little is left' },
        startsAt: '2026-11-21T12:00:00.157076+02:00',
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: 'https://grafana.example.org/alerting/1/edit',
        fingerprint: 'bc97ff14869b13e3',
        silenceURL: 'https://grafana.example.org/alerting/silence/new',
        dashboardURL: 'https://grafana.example.org/d/1',
        panelURL: 'https://grafana.example.org/d/1?viewPanel=2',
        values: { B: 44.2, C: 1 },
        valueString: '[ ]',
      },
    ],
    groupLabels: {},
    commonLabels: {},
    commonAnnotations: {},
    externalURL: 'https://grafana.example.org/',
    version: '1',
    groupKey: '{}:{}',
    truncatedAlerts: 0,
    title: '[FIRING:1]',
    state: 'alerting',
    message: 'Firing',
  };
}
