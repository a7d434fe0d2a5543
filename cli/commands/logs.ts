import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { componentNames } from '../../launcher/components.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { readConfig } from '../../src/config.ts';
import { lastLines, sizeOf } from '../console-log.ts';

/** Prints the console lines that the stack's programs wrote, and with `follow` those to come. */
export async function logs({
  name,
  follow = false,
  lines,
}: {
  name: string | undefined;
  follow?: boolean;
  lines: string;
}): Promise<number> {
  const folder = join(resolve(import.meta.dirname, '../..', readConfig().data), 'stack', 'logs');
  const known = [...componentNames, 'launcher'];
  if (name !== undefined && !known.includes(name)) {
    throw new StackFailure(
      `Cannot show the lines of "${name}": there is no such component; choose from ${known.join(', ')}.`,
    );
  }
  const count = Number(lines);
  if (!Number.isInteger(count) || count < 0)
    throw new StackFailure(`Cannot show "${lines}" lines: it is not a count; give --lines a whole number.`);
  const names = name === undefined ? known.filter((one) => existsSync(join(folder, `${one}.log`))) : [name];
  if (names.length === 0)
    throw new StackFailure(
      `Cannot show any lines: ${folder} has none yet; start with \`vitrine up\`, or set VITRINE_DATA.`,
    );

  const prefix = (one: string) => (names.length === 1 ? '' : `${one.padEnd(12)} `);
  const shown = new Map<string, number>();
  for (const one of names) {
    const path = join(folder, `${one}.log`);
    shown.set(one, await sizeOf(path));
    for (const line of await lastLines(path, count)) process.stdout.write(`${prefix(one)}${line}\n`);
  }
  if (!follow) return 0;
  for (;;) {
    await pause(200);
    for (const one of names) {
      const text = await whatIsNew(join(folder, `${one}.log`), shown.get(one) ?? 0);
      shown.set(one, text.upTo);
      for (const line of text.lines) process.stdout.write(`${prefix(one)}${line}\n`);
    }
  }
}

/** The whole lines after a place in the file; a file that became shorter is read from its start. */
async function whatIsNew(path: string, from: number): Promise<{ lines: string[]; upTo: number }> {
  const size = await sizeOf(path);
  const start = size < from ? 0 : from;
  if (size === start) return { lines: [], upTo: start };
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - start), 0, size - start, start);
    const end = buffer.subarray(0, bytesRead).lastIndexOf(10) + 1;
    const lines = buffer.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
    return { lines, upTo: start + end };
  } finally {
    await file.close();
  }
}
