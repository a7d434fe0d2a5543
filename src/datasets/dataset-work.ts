import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder } from '../make-folder.ts';
import type { FileScores } from '../tasks/quality/score-file.ts';
import type { TaskRequest, TaskResult } from '../tasks/task-types.ts';
import { type Sample, sampleAt } from './find-samples.ts';

/** What is done with each file of a dataset; the rest of the run does not depend on it. */
export type DatasetWork = {
  /** The label `processor` and `operation`, and the span's processing.stage. */
  readonly name: 'score' | 'enhance';
  /** The models it needs. */
  readonly models: readonly string[];
  /** What the outcome depends on besides the file: if it changes, all files are done again. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Changes when the file does, or what it is compared with. */
  stamp(sample: Sample): Promise<string>;
  request(sample: Sample): Promise<TaskRequest>;
  /** Keeps what the task has left, and answers what is known of the file from then on. */
  keep(sample: Sample, result: TaskResult): Promise<Pick<SampleFacts, 'scores' | 'output' | 'seconds'>>;
};

export type SampleFacts = {
  /** Length of the sound. */
  readonly seconds?: number;
  readonly scores?: FileScores;
  /** The file that was made, within the results. */
  readonly output?: string;
};

/** Measures of each file, against the file of the same path in `references` where there is one. */
export function scoring({ references }: { readonly references: string | undefined }): DatasetWork {
  const referenceOf = async (sample: Sample) => references && (await sampleAt(references, sample.id));
  return {
    name: 'score',
    models: ['dnsmos'],
    settings: { references },
    stamp: async (sample) => {
      const reference = await referenceOf(sample);
      return reference ? `${stampOf(sample)} ${stampOf(reference)}` : stampOf(sample);
    },
    request: async (sample) => {
      const reference = await referenceOf(sample);
      return {
        kind: 'score',
        parameters: {},
        files: [fileOf(sample, 'file'), ...(reference ? [fileOf(reference, 'reference')] : [])],
      };
    },
    keep: async (sample, { facts }) => {
      const [scores] = facts.files as FileScores[];
      if (!scores) throw new Error('A score has no files in it.');
      return { scores: { ...scores, name: sample.id }, seconds: scores.duration_seconds };
    },
  };
}

/**
 * One stem of each file, by a separator of the repository: the harmonic part, the voice, or what is
 * left without noise, as the model has it.
 */
export function enhancing({
  model,
  stem,
  files,
}: {
  readonly model: string;
  readonly stem: string;
  /** Where the stems are put, under the paths of their files. */
  readonly files: string;
}): DatasetWork {
  return {
    name: 'enhance',
    models: [model],
    settings: { model, stem },
    stamp: async (sample) => stampOf(sample),
    request: async (sample) => ({
      kind: 'separate',
      parameters: { model_name: model, stem, format: 'wav' },
      files: [fileOf(sample, 'file')],
    }),
    keep: async (sample, { file, facts }) => {
      // Beside `a.flac` there may be an `a.mp3`: the whole name is kept.
      const output = `${sample.id}.${stem}.wav`;
      const path = join(files, output);
      await makeFolder(dirname(path));
      await rename(file, path);
      return { output, seconds: Number(facts.duration_seconds) };
    },
  };
}

function stampOf({ sizeBytes, changedMs }: Sample): string {
  return `${sizeBytes} ${changedMs}`;
}

function fileOf({ id, path, sizeBytes }: Sample, field: string): TaskRequest['files'][number] {
  return { field, name: id, path, sizeBytes };
}
