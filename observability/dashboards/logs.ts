import { faultsBy, faultsFiring } from '../alerts/firing.ts';
import { series } from '../promql.ts';
import { dashboardLink, logsLink, tracesLink } from './explore-link.ts';
import { type DashboardPlan, logs, stat, table, timeseries } from './panel.ts';
import { lineCount, lines, now, rows } from './query.ts';

const app = '{service_name=~"vitrine.*", log_stream="app"}';
const security = '{service_name=~"vitrine.*", log_stream="security"}';
const audit = '{service_name=~"vitrine.*", log_stream="audit"}';

/** What the log says: errors, alerts, who was refused, who changed what. */
export const logDashboard: DashboardPlan = {
  name: 'logs',
  title: 'Vitrine: logs and security',
  says: 'What the log says: alerts, errors, who was refused, and who changed what. Every line with a trace id leads to its trace.',
  tags: ['logs'],
  variables: ['instance'],
  lines: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Critical alerts',
          says: 'Faults of which a critical alert fires now.',
          queries: [now(faultsFiring('critical'))],
          unit: 'none',
          width: 5,
          limits: { badFrom: 1 },
        }),
        stat({
          title: 'Warnings',
          says: 'Faults of which a warning fires now, and nothing critical.',
          queries: [now(faultsFiring('warning'))],
          unit: 'none',
          width: 5,
          limits: { warning: 1, bad: 5 },
        }),
        stat({
          title: 'Errors in the log',
          says: 'Lines of severity error in the dashboard’s time.',
          queries: [
            {
              source: 'loki',
              shape: 'instant',
              legend: '',
              expr: `sum(count_over_time(${app} | severity_text="error" [$__range]))`,
            },
          ],
          unit: 'short',
          width: 5,
          limits: { warning: 1, bad: 10 },
          runbook: 'ErrorBurst',
          whenEmpty: '0',
          onlyAfter: 'an error was logged',
        }),
        stat({
          title: 'Security events',
          says: 'Lines of the security stream in the dashboard’s time.',
          queries: [
            { source: 'loki', shape: 'instant', legend: '', expr: `sum(count_over_time(${security} [$__range]))` },
          ],
          unit: 'short',
          width: 5,
          runbook: 'SecurityEvent',
          whenEmpty: '0',
          onlyAfter: 'a request was refused',
        }),
        stat({
          title: 'Watchdog unheard for',
          says: 'The alert that always fires is how the way of alerts is watched: while this grows, no alert gets through to the receiver.',
          queries: [now(`max(${series('receiverWatchdogAge')})`)],
          unit: 's',
          width: 4,
          limits: { warning: 600, bad: 3_600 },
          runbook: 'NotificationsFailing',
        }),
      ],
    },
    {
      title: 'Alerts',
      height: 8,
      panels: [
        table({
          title: 'What fires',
          says: 'Alerts of Prometheus. The links of a row lead to the model’s dashboard, to the lines and to the traces of its labels.',
          queries: [rows(faultsBy(['alertname', 'severity', 'team', 'model', 'instance']))],
          unit: 'none',
          width: 12,
          columns: {
            severity: 'Severity',
            alertname: 'Alert',
            model: 'Model',
            instance: 'Instance',
            team: 'Team',
            Value: '',
          },
          onlyAfter: 'an alert fires',
          links: [
            dashboardLink('Dashboard of its model', 'inference', { model: `\${__data.fields.Model}` }),
            logsLink(
              'Lines of its model',
              `{service_name="vitrine"} | inference_model_name="\${__data.fields.Model}" or model="\${__data.fields.Model}"`,
            ),
            tracesLink(
              'Traces of its model that failed',
              `{ span.inference.model.name = "\${__data.fields.Model}" && span.error.type != nil }`,
            ),
            logsLink(
              'Its log lines',
              `{service_name="vitrine-receiver"} | event_type="alert" | alert_name="\${__data.fields.Alert}"`,
            ),
          ],
        }),
        logs({
          title: 'Alerts received',
          says: 'Each change of an alert’s state, from the receiver: the log of the night.',
          queries: [lines(`{service_name="vitrine-receiver"} | event_type="alert"`)],
          width: 12,
          onlyAfter: 'an alert fires',
        }),
      ],
    },
    {
      title: 'Errors',
      height: 8,
      panels: [
        timeseries({
          title: 'Lines by severity',
          says: 'A second. A burst of errors without a burst of requests is a defect.',
          queries: [lineCount(`sum by (severity_text) (rate(${app} [$__interval]))`, '{{severity_text}}')],
          unit: 'ops',
          width: 8,
          stacked: true,
          runbook: 'ErrorBurst',
        }),
        timeseries({
          title: 'Failures by code',
          says: 'Lines with an error type, a second.',
          queries: [lineCount(`sum by (error_type) (rate(${app} | error_type != "" [$__interval]))`, '{{error_type}}')],
          unit: 'ops',
          width: 8,
          runbook: 'NewErrorKind',
          onlyAfter: 'a request failed',
          links: [
            logsLink('Lines of this failure', `{service_name="vitrine"} | error_type="\${__field.labels.error_type}"`),
            tracesLink('Traces of this failure', `{ span.error.type = "\${__field.labels.error_type}" }`),
          ],
        }),
        logs({
          title: 'Errors and warnings',
          says: 'The latest. A line’s trace id leads to its trace.',
          queries: [lines(`${app} | severity_text=~"error|warn"`)],
          width: 8,
          onlyAfter: 'something went wrong',
        }),
      ],
    },
    {
      title: 'Security and audit',
      height: 8,
      panels: [
        timeseries({
          title: 'Security events by kind',
          says: 'A second: callers and tokens refused, limits hit.',
          queries: [lineCount(`sum by (event_type) (rate(${security} [$__interval]))`, '{{event_type}}')],
          unit: 'ops',
          width: 8,
          runbook: 'SecurityEvent',
          onlyAfter: 'a request was refused',
        }),
        logs({
          title: 'Security',
          says: 'Refused requests, with client and reason. Kept for a year.',
          queries: [lines(security)],
          width: 8,
          onlyAfter: 'a request was refused',
        }),
        logs({
          title: 'Audit',
          says: 'Who changed settings, loaded or unloaded models. Kept for a year.',
          queries: [lines(audit)],
          width: 8,
          onlyAfter: 'somebody changed something',
        }),
      ],
    },
    {
      title: 'Everything',
      height: 9,
      panels: [
        logs({
          title: 'What happened',
          says: 'All that is no access line: starts, loads, jobs, tasks, lanes, releases.',
          queries: [lines(`{service_name=~"vitrine.*"} | logger != "access"`)],
          width: 12,
        }),
        logs({
          title: 'Kept requests',
          says: 'A line for each request whose trace was kept.',
          queries: [lines('{service_name="vitrine"} | logger="access"')],
          width: 8,
        }),
        table({
          title: 'Alerts the receiver holds',
          says: 'Firing, as the receiver got it.',
          queries: [rows(`sum by (alertname, severity) (${series('receiverFiring')}) > 0`)],
          unit: 'short',
          width: 4,
          columns: { alertname: 'Alert', severity: 'Severity', Value: 'How many' },
          onlyAfter: 'an alert fires',
        }),
      ],
    },
  ],
};
