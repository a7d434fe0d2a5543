import { readFile } from 'node:fs/promises';
import { withAlertChannels } from '../../launcher/alert-channels.ts';
import { readConfig } from '../../src/config.ts';

/**
 * Prints Alertmanager’s file with the channels that are configured, their secrets where compose
 * mounts them.
 */
export async function printAlertmanagerConfig(): Promise<number> {
  const config = readConfig();
  const mounted = (file: string, name: string) => (file === '' ? '' : `/run/secrets/${name}`);
  const text = await readFile(new URL('../../alertmanager/alertmanager.yaml', import.meta.url), 'utf8');
  process.stdout.write(
    withAlertChannels(text, {
      ...config,
      alertSlackUrlFile: mounted(config.alertSlackUrlFile, 'slack_url'),
      alertPagerdutyKeyFile: mounted(config.alertPagerdutyKeyFile, 'pagerduty_key'),
      alertSmtpPasswordFile: mounted(config.alertSmtpPasswordFile, 'smtp_password'),
    }),
  );
  return 0;
}
