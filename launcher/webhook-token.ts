import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchContext } from './components.ts';

/**
 * Alertmanager cannot read the environment: where the receiver asks for a token, it finds it in the
 * file beside its rendered configuration.
 */
export async function handOverWebhookToken({ data, config }: LaunchContext): Promise<string[]> {
  if (config.receiverAlertsTokenFile === '') return [];
  const [token = ''] = (await readFile(config.receiverAlertsTokenFile, 'utf8')).split('\n');
  const file = join(data, 'alertmanager/configuration/receiver-token.tmpl');
  // Beside it first: it is readable for its owner only from its first byte on, and never seen half.
  await writeFile(`${file}.new`, token.trim(), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return [];
}
