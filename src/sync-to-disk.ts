import { open } from 'node:fs/promises';

/** fsync of a file, or of a folder: then its names are on the disk. */
export async function syncToDisk(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
