import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../../src/config.ts';
import { ourModels } from '../../testkit/task-runner.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';

/** The whole API over the models of the repository that are named, telemetry off. */
export function serveTasks(
  loadModels: string,
  settings: Partial<Config> = {},
  how: { observed?: boolean } = {},
): Promise<ServedApi> {
  return serveApi(
    {},
    { models: ourModels, modelControl: 'explicit', loadModels, tasksPerMinuteMax: 100_000, ...settings },
    how,
  );
}

/** A form with files and parameters, as a browser or curl sends it. */
export function form(
  files: readonly { field?: string; name: string; bytes: Uint8Array }[],
  parameters: Record<string, string> = {},
): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(parameters)) made.set(name, value);
  for (const { field = 'file', name, bytes } of files) made.append(field, new Blob([Uint8Array.from(bytes)]), name);
  return made;
}

/** Comes back when nothing of any task is on disk, results of jobs aside. */
export async function nothingLeft({ data }: ServedApi): Promise<void> {
  await waitFor('the folders of tasks to be removed', async () => (await filesLeft(data)).length === 0);
}

/** The bytes of a form, for a socket: what it says about itself, and what it holds. */
export async function formBytes(of: FormData): Promise<{ headers: Record<string, string>; bytes: Buffer }> {
  const body = new Response(of);
  return {
    headers: { 'Content-Type': body.headers.get('content-type') ?? '' },
    bytes: Buffer.from(await body.arrayBuffer()),
  };
}

export async function somethingThere({ data }: ServedApi): Promise<void> {
  await waitFor('a task to begin', async () => (await filesLeft(data)).length > 0, { everyMs: 5 });
}

async function filesLeft(data: string): Promise<string[]> {
  return (await readdir(join(data, 'service', 'work'), { recursive: true })).filter((name) => !name.startsWith('.'));
}

/** The entries of a zip file whose entries are stored, by name. */
export function unzip(bytes: Buffer): Map<string, Buffer> {
  const entries = new Map<string, Buffer>();
  let at = bytes.readUInt32LE(bytes.length - 6);
  for (let left = bytes.readUInt16LE(bytes.length - 12); left > 0; left -= 1) {
    const [size, nameLength, offset] = [
      bytes.readUInt32LE(at + 24),
      bytes.readUInt16LE(at + 28),
      bytes.readUInt32LE(at + 42),
    ];
    const name = bytes.toString('utf8', at + 46, at + 46 + nameLength);
    const start = offset + 30 + nameLength;
    entries.set(name, bytes.subarray(start, start + size));
    at += 46 + nameLength;
  }
  return entries;
}
