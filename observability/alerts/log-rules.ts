import type { RuleGroup } from './rule.ts';

// LogQL for Loki’s ruler. Structured metadata (event_type …) is filtered, since it is no stream
// label.

const ours = 'service_name=~"vitrine.*"';

export const logRules: RuleGroup = {
  name: 'logs',
  says: 'What only log lines say. Loki’s ruler, or vmalert on VictoriaLogs, evaluates it and notifies Alertmanager.',
  interval: '1m',
  rules: [
    {
      alert: 'CallersRefused',
      severity: 'warning',
      team: 'platform',
      expr: `sum by (service_name) (count_over_time({${ours}, log_stream="security"} | event_type="caller_refused" [5m])) > 20`,
      by: ['service_name'],
      summary: 'Somebody tries keys at {{ $labels.service_name }}',
      description:
        '{{ $value }} callers were refused for their key in 5 minutes; more than 20 is a wrong key in a loop, or a search.',
      dashboard: 'logs',
    },
    {
      alert: 'SecurityEvent',
      severity: 'critical',
      team: 'platform',
      expr: `sum by (service_name, event_type) (count_over_time({${ours}, log_stream="security"} | severity_text=~"(?i)error" [5m])) > 0`,
      by: ['service_name', 'event_type'],
      summary: 'Security event of {{ $labels.service_name }}: {{ $labels.event_type }}',
      description: '{{ $value }} lines of the security log are errors, in 5 minutes: keys or tokens could not be used.',
      dashboard: 'logs',
    },
    {
      alert: 'AlertingSilent',
      severity: 'critical',
      team: 'platform',
      // The receiver repeats it for as long as it lasts.
      expr: `sum by (service_name) (count_over_time({service_name="vitrine-receiver"} | event_type="alerting_silent" [10m])) > 0`,
      by: ['service_name'],
      summary: 'Prometheus is silent: its alerts do not get through',
      description:
        'The receiver has said {{ $value }} times in 10 minutes that it does not hear Watchdog. Loki’s ruler still gets through, or you would not read this.',
      dashboard: 'telemetry',
      runbook: 'Watchdog',
    },
    {
      alert: 'ErrorBurst',
      severity: 'warning',
      team: 'serving',
      expr: `sum by (service_name) (count_over_time({${ours}, log_stream="app"} | severity_text=~"(?i)error" | event_type!~"alert|alerting_silent" [5m])) > 50`,
      for: '1m',
      by: ['service_name'],
      summary: '{{ $labels.service_name }} logs many errors',
      description: '{{ $value }} error lines in 5 minutes; more than 50 is a burst.',
      dashboard: 'logs',
    },
    {
      alert: 'NewErrorKind',
      severity: 'info',
      team: 'serving',
      expr: `
sum by (service_name, error_type) (count_over_time({${ours}, log_stream="app"} | severity_text=~"(?i)error" | error_type!="" [10m]))
unless
sum by (service_name, error_type) (count_over_time({${ours}, log_stream="app"} | severity_text=~"(?i)error" | error_type!="" [24h] offset 10m))`,
      logsql: `_time:1450m {${ours},log_stream="app"} severity_text:~"(?i)error" error_type:* | stats by (service_name, error_type) count() if (_time:10m) as value, count() as total | math total - value as before | filter value:>0 before:=0 | fields service_name, error_type, value`,
      by: ['service_name', 'error_type'],
      summary: '{{ $labels.service_name }} has an error of a new kind: {{ $labels.error_type }}',
      description: '{{ $value }} lines in 10 minutes, and none in the day before.',
      dashboard: 'logs',
    },
    {
      alert: 'SecretsMasked',
      severity: 'warning',
      team: 'platform',
      expr: `sum by (service_name) (count_over_time({${ours}} | redaction_masked_count!="" or redaction_body_masked_count!="" [10m])) > 0`,
      by: ['service_name'],
      summary: 'Something like a secret was masked in the logs of {{ $labels.service_name }}',
      description:
        '{{ $value }} lines in 10 minutes had something masked; the code that logs them has to leave it out.',
      dashboard: 'logs',
    },
  ],
};
