import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, rename, writeFile } from 'node:fs/promises';
import type { FailureCode } from '../errors.ts';
import { ifThere } from '../if-there.ts';
import type { SampleFacts } from './dataset-work.ts';
import type { Sample } from './find-samples.ts';

/**
 * What became of a file. `excluded`: the file is at fault and would be again; `failed`: we are, and
 * it is tried again at the next run.
 */
export type SampleEntry = SampleFacts & {
  readonly id: string;
  /** Of the file, and of what it was compared with, when this was found out. */
  readonly stamp: string;
  readonly status: 'success' | 'excluded' | 'failed';
  readonly tookSeconds: number;
  readonly failure?: { readonly code: FailureCode; readonly reason: string };
};

/**
 * What is known of every file, one line of JSON each, appended as soon as it is known: a run that
 * is killed loses only what it was working on. The first line says by which settings; with others,
 * all is done again.
 */
export class SampleLedger implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #entries: Map<string, SampleEntry>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, entries: Map<string, SampleEntry>) {
    this.#file = file;
    this.#entries = entries;
  }

  static async open(path: string, settings: Readonly<Record<string, unknown>>): Promise<SampleLedger> {
    const head = JSON.stringify({ vitrine_dataset: 1, settings: fingerprint(settings) });
    const lines = await linesOf(path);
    const entries = new Map(lines[0] === head ? lines.slice(1).flatMap(entryIn) : []);
    // Rewritten without replaced lines and without one that a kill has cut.
    await writeFile(
      `${path}.part`,
      [head, ...[...entries.values()].map((entry) => JSON.stringify(entry)), ''].join('\n'),
    );
    await rename(`${path}.part`, path);
    return new SampleLedger(await open(path, 'a'), entries);
  }

  /** What is known of the file as it is now; what failed is not known. */
  known(id: string, stamp: string): SampleEntry | undefined {
    const entry = this.#entries.get(id);
    return entry?.stamp === stamp && entry.status !== 'failed' ? entry : undefined;
  }

  async note(entry: SampleEntry): Promise<void> {
    this.#entries.set(entry.id, entry);
    this.#writing = this.#writing.then(() => this.#file.appendFile(`${JSON.stringify(entry)}\n`));
    await this.#writing;
  }

  /** What is known of these files, in their order. */
  entriesOf(samples: readonly Sample[]): SampleEntry[] {
    return samples.flatMap(({ id }) => this.#entries.get(id) ?? []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

async function linesOf(path: string): Promise<string[]> {
  return (await ifThere(readFile(path, 'utf8')))?.split('\n') ?? [];
}

/** A line that is no JSON was cut by a kill in the middle of writing it. */
function entryIn(line: string): [string, SampleEntry][] {
  try {
    const entry = JSON.parse(line) as SampleEntry;
    return [[entry.id, entry]];
  } catch (error) {
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}

function fingerprint(settings: Readonly<Record<string, unknown>>): string {
  return createHash('sha256').update(JSON.stringify(settings)).digest('hex').slice(0, 16);
}
