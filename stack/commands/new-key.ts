import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { apiKeysSchema, newApiKey } from '../../src/api/api-keys.ts';
import { StackFailure } from '../stack-failure.ts';

/** Makes an API key and shows it, this once; what knows it again goes into the file of keys, or is printed to be put there. */
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
  if (file !== undefined) write(file, [...known, entry]);
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
  if (!existsSync(file)) return [];
  try {
    const text: unknown = JSON.parse(readFileSync(file, 'utf8'));
    apiKeysSchema.parse(text);
    // As they were written: what is left out there stays left out.
    return (text as { keys: Entry[] }).keys;
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? words(cause) : (cause as Error).message;
    throw new StackFailure(`Cannot add a key to ${file}: ${reason}; correct it, or name another file.`, { cause });
  }
}

/** Beside it first: a service that reads it at this moment must find it whole. */
function write(file: string, keys: Entry[]): void {
  writeFileSync(`${file}.new`, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

function words(error: z.ZodError): string {
  return z.prettifyError(error).replaceAll('\n', ' ');
}
