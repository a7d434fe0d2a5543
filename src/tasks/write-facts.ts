import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Facts as the JSON file that answers a task which makes nothing else. */
export async function writeFacts(folder: string, facts: Record<string, unknown>): Promise<string> {
  const file = join(folder, 'facts.json');
  await writeFile(file, JSON.stringify(facts), { flag: 'wx' });
  return file;
}
