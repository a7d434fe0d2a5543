import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { z } from 'zod';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { apiKeysSchema, newApiKey } from '../../src/api/access/api-keys.ts';

/**
 * Makes an API key and shows it, this once; what knows it again goes into the file of keys, or is
 * printed to be put there.
 */
export async function newKey({ name, file }: { name: string; file?: string }): Promise<number> {
  const { key, entry } = newApiKey(name);
  const known = file === undefined ? [] : keysOf(file);
  const all = apiKeysSchema.safeParse({ keys: [...known, entry] });
  if (!all.success)
    throw new StackFailure(`Cannot make a key for "${name.slice(0, 80)}": ${words(all.error)}; choose another name.`);
  if (known.some((other) => other.name === name))
    throw new StackFailure(
      `Cannot make a key for ${name}: ${file} has one of that name; choose another, or take it out first.`,
    );
  if (file !== undefined) writeKeys(file, [...known, entry]);
  process.stdout.write(
    `The key of ${name}, shown this once:\n\n  ${key}\n\n${
      file === undefined
        ? `Its entry among "keys" in the file that VITRINE_API_KEYS_FILE names:\n\n  ${JSON.stringify(entry)}\n`
        : `Its SHA-256 is in ${file}.\n`
    }`,
  );
  return 0;
}

type Entry = { name: string; sha256: string };

function keysOf(file: string): Entry[] {
  try {
    const text: unknown = JSON.parse(readFileSync(file, 'utf8'));
    apiKeysSchema.parse(text);
    // As they were written: what is left out there stays left out.
    return (text as { keys: Entry[] }).keys;
  } catch (cause) {
    // Only this means that there is none; another failure must not make a new file in the place of one
    // full of keys.
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    const reason = cause instanceof z.ZodError ? words(cause) : (cause as Error).message;
    throw new StackFailure(`Cannot add a key to ${file}: ${reason}; correct it, or name another file.`, { cause });
  }
}

/**
 * Beside it first, so that it is whole somewhere whatever happens. A new file then takes its name;
 * one that is there is written where it stands: its owner and mode stay, and so does the file
 * itself, which a container may have mounted.
 */
export function writeKeys(file: string, keys: Entry[]): void {
  const beside = `${file}.new`;
  const text = `${JSON.stringify({ keys }, null, 2)}\n`;
  try {
    rmSync(beside, { force: true });
    writeFileSync(beside, text, { mode: 0o600, flush: true });
  } catch (cause) {
    throw new StackFailure(`Cannot write ${beside}: ${(cause as Error).message}; ${file} is as it was.`, { cause });
  }
  try {
    if (overwrite(file, text)) rmSync(beside, { force: true });
    else renameSync(beside, file);
  } catch (cause) {
    throw new StackFailure(
      `Cannot write ${file}: ${(cause as Error).message}; ${beside} has all of it, put that in its place.`,
      { cause },
    );
  }
}

/** False when there is no such file. */
function overwrite(file: string, text: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  try {
    writeFileSync(descriptor, text);
    ftruncateSync(descriptor, Buffer.byteLength(text));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  return true;
}

function words(error: z.ZodError): string {
  return z.prettifyError(error).replaceAll('\n', ' ');
}
