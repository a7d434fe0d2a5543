import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { recordedReason } from '../../errors.ts';
import { makeFolder } from '../../make-folder.ts';
import { log } from '../../telemetry/logger.ts';
import type { RowProof } from '../lanes/prove-rows.ts';
import type { Manifest } from './manifest.ts';

const proofsMax = 256;
/** Raised when what is tried changes: older proofs are not used then. */
const proofVersion = 1;

const proofSchema = z.strictObject({ rowsMax: z.int().min(0), reason: z.string(), provider: z.string() });

/**
 * What was found out about the rows of model files, in VITRINE_DATA: a second load of the same file
 * need not try again.
 */
export class RowProofs {
  readonly #folder: string;
  #writes = 0;

  constructor(data: string) {
    this.#folder = join(data, 'row-proofs');
  }

  /** Undefined where there is none that can be read. */
  async find(key: string): Promise<RowProof | undefined> {
    try {
      return proofSchema.safeParse(JSON.parse(await readFile(this.#file(key), 'utf8'))).data;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') logUnusable('read', error);
      return undefined;
    }
  }

  async keep(key: string, proof: RowProof): Promise<void> {
    // Models with the same file may be loaded at the same time.
    this.#writes += 1;
    const part = `${this.#file(key)}.${process.pid}-${this.#writes}.part`;
    try {
      await makeFolder(this.#folder);
      await writeFile(part, JSON.stringify(proof));
      await rename(part, this.#file(key));
      await this.#removeOldest();
    } catch (error) {
      logUnusable('written', error);
    }
  }

  #file(key: string): string {
    return join(this.#folder, `${key}.json`);
  }

  async #removeOldest(): Promise<void> {
    const names = await readdir(this.#folder);
    if (names.length <= proofsMax) return;
    const files = await Promise.all(
      names.map(async (name) => ({ name, at: (await stat(join(this.#folder, name))).mtimeMs })),
    );
    files.sort((one, other) => one.at - other.at);
    for (const { name } of files.slice(0, names.length - proofsMax))
      await rm(join(this.#folder, name), { force: true });
  }
}

/**
 * The model's bytes and all that the proof depends on beside them, as one hash. Weights beside the
 * file count by size and time.
 */
export async function proofKey(
  file: string,
  { inputs, probe_dimensions, providers, session, batching, dimensions_max, dimensions_min }: Manifest,
): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash, { end: false });
  const folder = dirname(file);
  for (const name of (await readdir(folder)).sort()) {
    if (name === basename(file)) continue;
    const { size, mtimeMs } = await stat(join(folder, name));
    hash.update(`${name} ${size} ${mtimeMs}\n`);
  }
  const { optimization, extra } = session;
  const { padding } = batching;
  const tried = { inputs, probe_dimensions, providers, optimization, extra };
  hash.update(JSON.stringify({ proofVersion, ...tried, ...(padding && { padding, dimensions_max, dimensions_min }) }));
  return hash.digest('hex');
}

function logUnusable(how: 'read' | 'written', error: unknown): void {
  log(
    'app',
    'warn',
    `A proof of independent rows cannot be ${how}: ${recordedReason(error)}; the model is tried again at each load (VITRINE_DATA)`,
    { event_type: 'row_proof_unusable' },
  );
}
