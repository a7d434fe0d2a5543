import { type Setting, text } from './setting.ts';

/** Links in alerts, and the channels that alerts go to. */
export const alertSettings = {
  grafanaUrl: text(
    'VITRINE_GRAFANA_URL',
    'http://localhost:3000',
    'Where people reach Grafana: what the dashboard links of alerts begin with.',
  ),
  prometheusUrl: text(
    'VITRINE_PROMETHEUS_URL',
    '',
    'Where people reach Prometheus: what the links of alerts to their query begin with. Empty: localhost and its port.',
  ),
  lokiUrl: text(
    'VITRINE_LOKI_URL',
    '',
    'Where people reach Loki: what the links of alerts on log lines begin with. Empty: localhost and its port.',
  ),
  victoriametricsUrl: text(
    'VITRINE_VICTORIAMETRICS_URL',
    '',
    'Where people reach VictoriaMetrics: what the links of its alerts begin with. Empty: localhost and its port.',
  ),
  victorialogsUrl: text(
    'VITRINE_VICTORIALOGS_URL',
    '',
    'Where people reach VictoriaLogs: what the links of its alerts begin with. Empty: localhost and its port.',
  ),
  alertmanagerUrl: text(
    'VITRINE_ALERTMANAGER_URL',
    '',
    'Where people reach Alertmanager: what the links of notifications begin with. Empty: localhost and its port.',
  ),
  runbooksUrl: text(
    'VITRINE_RUNBOOKS_URL',
    'docs/runbooks',
    'Where people read the runbooks: what the runbook links of alerts begin with. As it is, a folder of the checkout.',
  ),
  alertmanagerFile: text(
    'VITRINE_ALERTMANAGER_FILE',
    './alertmanager/alertmanager.yaml',
    'In compose only: Alertmanager’s file, such as `vitrine alertmanager-config` prints. Natively the launcher writes it.',
  ),
  alertSlackUrlFile: text(
    'VITRINE_ALERT_SLACK_URL_FILE',
    '',
    'File with the address of an incoming webhook of Slack. Given, critical alerts go to Slack too.',
  ),
  alertSlackChannel: text(
    'VITRINE_ALERT_SLACK_CHANNEL',
    '#alerts',
    'The channel; for teams of their own, team=channel with commas between: #alerts,platform=#operations.',
  ),
  alertPagerdutyKeyFile: text(
    'VITRINE_ALERT_PAGERDUTY_KEY_FILE',
    '',
    'File with the routing key of a PagerDuty service (Events API v2). Given, critical alerts page.',
  ),
  alertSmtpPasswordFile: text(
    'VITRINE_ALERT_SMTP_PASSWORD_FILE',
    '',
    'File with the password of the mail server. Given, critical alerts and warnings go out by e-mail.',
  ),
  alertSmtpHost: text('VITRINE_ALERT_SMTP_HOST', '', 'The mail server, host:port. It must offer STARTTLS.'),
  alertSmtpUser: text('VITRINE_ALERT_SMTP_USER', '', 'The user at the mail server; also the sender.'),
  alertEmailTo: text(
    'VITRINE_ALERT_EMAIL_TO',
    '',
    'Who gets the e-mail; for teams of their own, team=address with commas between.',
  ),
} as const satisfies Record<string, Setting>;
