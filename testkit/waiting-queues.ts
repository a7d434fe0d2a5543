import { cp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { examineQueues, type QueueRemainder } from '../launcher/queue-remainder.ts';
import { temporaryFolder } from './temporary-folder.ts';

/**
 * What waits in the queues of a Collector that may be running, from a copy: it locks its own files.
 */
export async function waitingQueues(data: string, backends: readonly string[]): Promise<QueueRemainder[]> {
  await using folder = await temporaryFolder();
  await cp(join(data, 'collector/queue'), join(folder.path, 'collector/queue'), { recursive: true });
  const root = resolve(import.meta.dirname, '..');
  return (await examineQueues({ data: folder.path, root, backends })).remainders;
}
