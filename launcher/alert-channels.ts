import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { type Config, type SettingName, settings } from '../src/config.ts';
import type { LaunchContext } from './components.ts';
import { StackFailure } from './stack-failure.ts';

type ChannelConfig = Pick<
  Config,
  | 'alertSlackUrlFile'
  | 'alertSlackChannel'
  | 'alertPagerdutyKeyFile'
  | 'alertSmtpPasswordFile'
  | 'alertSmtpHost'
  | 'alertSmtpUser'
  | 'alertEmailTo'
>;

type Receiver = { name: string } & Record<string, unknown>;

/**
 * Adds to Alertmanager’s rendered file the channels whose secrets are given. Secrets stay in their
 * files; Alertmanager reads them there.
 */
export async function addAlertChannels({ root, data, config }: LaunchContext): Promise<string[]> {
  const given = secretFiles.filter((name) => config[name] !== '');
  if (given.length === 0) return [];
  for (const name of given) {
    if (!existsSync(resolve(root, config[name])))
      throw cannot(name, `there is no file ${config[name]}`, 'name one that is there');
  }
  const file = join(data, 'alertmanager/configuration/alertmanager.yaml');
  const withPaths = { ...config, ...Object.fromEntries(given.map((name) => [name, resolve(root, config[name])])) };
  await writeFile(file, withAlertChannels(await readFile(file, 'utf8'), withPaths));
  return [];
}

/**
 * Alertmanager’s file with Slack, PagerDuty and e-mail, as far as they are configured: critical to
 * all, warnings by e-mail, info to nobody.
 */
export function withAlertChannels(text: string, config: ChannelConfig): string {
  if (secretFiles.every((name) => config[name] === '')) return text;
  const email = config.alertSmtpPasswordFile !== '';
  if (email) {
    for (const name of ['alertSmtpHost', 'alertSmtpUser', 'alertEmailTo'] as const)
      if (config[name] === '') throw cannot(name, 'it is empty while there is a password for e-mail', 'give it');
  }
  const document = parse(text) as { global: Record<string, unknown>; receivers: Receiver[] };
  document.receivers = document.receivers.map((receiver) => {
    const [severity, team] = receiver.name.split('-');
    return {
      ...receiver,
      ...(config.alertSlackUrlFile !== '' && severity === 'critical' && { slack_configs: [slackFor(team, config)] }),
      ...(config.alertPagerdutyKeyFile !== '' &&
        severity === 'critical' && { pagerduty_configs: [pagerdutyOf(config)] }),
      ...(email && (severity === 'critical' || severity === 'warning') && { email_configs: [emailFor(team, config)] }),
    };
  });
  return stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
}

const secretFiles = ['alertSlackUrlFile', 'alertPagerdutyKeyFile', 'alertSmtpPasswordFile'] as const;

function slackFor(team: string | undefined, config: ChannelConfig) {
  return {
    api_url_file: config.alertSlackUrlFile,
    channel: forTeam(config.alertSlackChannel, team, 'alertSlackChannel'),
    send_resolved: true,
    title: '{{ .Status | toUpper }}: {{ .CommonLabels.alertname }}',
    text: alertsInWords,
  };
}

function pagerdutyOf(config: ChannelConfig) {
  return {
    routing_key_file: config.alertPagerdutyKeyFile,
    send_resolved: true,
    severity: '{{ .CommonLabels.severity }}',
    description: '{{ .CommonLabels.alertname }}: {{ (index .Alerts 0).Annotations.summary }}',
    details: { alerts: alertsInWords },
  };
}

function emailFor(team: string | undefined, config: ChannelConfig) {
  return {
    to: forTeam(config.alertEmailTo, team, 'alertEmailTo'),
    from: config.alertSmtpUser,
    smarthost: config.alertSmtpHost,
    auth_username: config.alertSmtpUser,
    auth_password_file: config.alertSmtpPasswordFile,
    send_resolved: true,
    headers: { Subject: '{{ .Status | toUpper }}: {{ .CommonLabels.alertname }}' },
    text: alertsInWords,
    html: '',
  };
}

/**
 * Every fault of the notification once, with the systems whose rules fire. Alertmanager sorts
 * alerts by job, instance and labels. So alerts of one fault, which differ only in their system,
 * follow each other.
 */
const alertsInWords = [
  '{{ $said := "" }}{{ $systems := "" }}',
  '{{ range .Alerts }}',
  '{{ with .Labels.system }}{{ if not (match . $systems) }}{{ $systems = printf "%s %s" $systems . }}{{ end }}{{ end }}',
  '{{ if ne .Annotations.description $said }}{{ $said = .Annotations.description }}',
  '{{ .Annotations.summary }}\n{{ .Annotations.description }}\n{{ .Annotations.runbook }} {{ .Annotations.dashboard }}\n\n',
  '{{ end }}{{ end }}',
  '{{ if $systems }}By the rules of{{ $systems }}\n{{ end }}',
].join('');

/** `#alerts,platform=#operations`: the one of the team, else the one without a name. */
function forTeam(text: string, team: string | undefined, setting: SettingName): string {
  const parts = text.split(',').map((part) => part.trim());
  const own = parts.find((part) => team !== undefined && part.startsWith(`${team}=`));
  const common = parts.find((part) => part !== '' && !part.includes('='));
  const chosen = own?.slice((team ?? '').length + 1) ?? common;
  if (chosen !== undefined && chosen !== '') return chosen;
  throw cannot(
    setting,
    `it is "${text}" and has nothing for ${team ?? 'alerts without a team'}`,
    'give one without a team first',
  );
}

function cannot(setting: SettingName, state: string, remedy: string): StackFailure {
  return new StackFailure(`Cannot use ${settings[setting].env}: ${state}; ${remedy}.`);
}
