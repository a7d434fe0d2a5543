import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { ifThere } from '../../if-there.ts';
import { syncToDisk } from '../../sync-to-disk.ts';

const recordSchema = z.strictObject({
  models: z.record(
    z.string(),
    z.strictObject({
      /** Below the folder of the place. */
      folder: z.string(),
      /** What it was made of. */
      fingerprint: z.string(),
    }),
  ),
});

/** What a place has brought, whole and verified. */
export type PlaceRecord = z.infer<typeof recordSchema>;

const standingSchema = z.strictObject({
  state: z.enum(['waiting', 'downloading', 'ready', 'unreachable', 'refused']),
  sinceMs: z.number(),
  bytes: z.number(),
  bytesTotal: z.number(),
  /** Why it is unreachable or refused. */
  problem: z.string().optional(),
  /** Models on their way, by name. */
  arriving: z.array(z.string()),
  /** Models that are not taken, and why. */
  refused: z.record(z.string(), z.string()),
});

/** How a place is, for everybody who asks. */
export type PlaceStanding = z.infer<typeof standingSchema>;

const recordName = 'place.json';
const standingName = 'standing.json';

export const noRecord: PlaceRecord = { models: {} };

/** One that is damaged counts as none: the place is asked again. */
export async function readRecord(folder: string): Promise<PlaceRecord> {
  return (await parsed(join(folder, recordName), recordSchema)) ?? noRecord;
}

/** After a power cut there is the one before or this one. */
export async function writeRecord(folder: string, record: PlaceRecord): Promise<void> {
  const part = join(folder, `${recordName}.part`);
  await writeFile(part, JSON.stringify(record), { flush: true });
  await rename(part, join(folder, recordName));
  await syncToDisk(folder);
}

export function readStanding(folder: string): Promise<PlaceStanding | undefined> {
  return parsed(join(folder, standingName), standingSchema);
}

/** For other processes; it need not outlive a power cut. */
export async function writeStanding(folder: string, standing: PlaceStanding): Promise<void> {
  const part = join(folder, `${standingName}.part`);
  await writeFile(part, JSON.stringify(standing));
  await rename(part, join(folder, standingName));
}

async function parsed<Schema extends z.ZodType>(file: string, schema: Schema): Promise<z.output<Schema> | undefined> {
  const text = await ifThere(readFile(file, 'utf8'));
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
