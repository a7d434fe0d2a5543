import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { ServiceError } from '../errors.ts';
import { ifThere } from '../if-there.ts';
import { say } from '../sentence.ts';

/** One file of a dataset. */
export type Sample = {
  /** Its path within the dataset, with slashes: what reports and spans call it. */
  readonly id: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly changedMs: number;
};

/** What a file must end in to be taken for a sound; what it really is, its content says. */
const soundEndings = /\.(wav|wave|flac|mp3|ogg|oga|opus|aif|aiff|aifc)$/i;

const samplesMax = 1_000_000;

/**
 * Every sound in a folder and below, by name. Hidden files are left alone, and links are not
 * followed: they may lead out, or round in circles.
 */
export async function findSamples(folder: string, leaveOut: string): Promise<Sample[]> {
  const samples: Sample[] = [];
  const look = async (within: string): Promise<void> => {
    const entries = (await readdir(within, { withFileTypes: true })).filter(({ name }) => !name.startsWith('.'));
    for (const entry of entries.sort(byName)) {
      const path = join(within, entry.name);
      // The results may lie inside the dataset.
      if (path === leaveOut) continue;
      if (entry.isDirectory()) await look(path);
      else if (entry.isFile() && soundEndings.test(entry.name)) samples.push(await sampleIn(folder, path));
      if (samples.length > samplesMax)
        throw new ServiceError(
          'body_too_large',
          say`Cannot work on the dataset: it has more than ${samplesMax} files; give its folders one by one.`,
        );
    }
  };
  await look(folder);
  return samples;
}

/** The file of this name in a folder, if it is there. */
export async function sampleAt(folder: string, id: string): Promise<Sample | undefined> {
  return ifThere(sampleIn(folder, join(folder, id)));
}

async function sampleIn(folder: string, path: string): Promise<Sample> {
  const { size, mtimeMs } = await stat(path);
  return {
    id: relative(folder, path).split(sep).join('/').replace(/\p{C}/gu, '�'),
    path,
    sizeBytes: size,
    changedMs: Math.round(mtimeMs),
  };
}

function byName(one: Dirent, other: Dirent): number {
  return one.name < other.name ? -1 : 1;
}
