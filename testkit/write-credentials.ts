import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Writes a file of API keys and one with the administrator's token; answers the settings that name
 * them.
 */
export async function writeCredentials(
  folder: string,
  credentials: { keys: Record<string, string>; adminToken: string; rights?: Record<string, object> },
): Promise<{ VITRINE_API_KEYS_FILE: string; VITRINE_ADMIN_TOKEN_FILE: string }> {
  const { keys, adminToken, rights = {} } = credentials;
  const files = { VITRINE_API_KEYS_FILE: join(folder, 'keys.json'), VITRINE_ADMIN_TOKEN_FILE: join(folder, 'token') };
  const entries = Object.entries(keys).map(([name, key]) => ({
    name,
    sha256: hash('sha256', key, 'hex'),
    ...rights[name],
  }));
  await writeFile(files.VITRINE_API_KEYS_FILE, JSON.stringify({ keys: entries }));
  await writeFile(files.VITRINE_ADMIN_TOKEN_FILE, `${adminToken}\n`);
  return files;
}
