import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';
import type { TaskKind } from '../task-kinds.ts';
import type { UploadedFile } from './task-types.ts';

/** The one file that a task takes. */
export function onlyFile(files: readonly UploadedFile[]): UploadedFile {
  const [file] = files;
  if (file && files.length === 1) return file;
  throw new ServiceError(
    'invalid_input',
    say`Cannot take the task: it came with ${files.length} files; send exactly one, in the field "file".`,
  );
}

/** The sounds to score, and the one that they are held against. */
export function filesToScore(files: readonly UploadedFile[]): {
  reference: UploadedFile | undefined;
  candidates: readonly UploadedFile[];
} {
  const references = files.filter(({ field }) => field === 'reference');
  const candidates = files.filter(({ field }) => field !== 'reference');
  if (references.length > 1 || candidates.length === 0)
    throw new ServiceError(
      'invalid_input',
      say`Cannot score: there are ${candidates.length} files in the field "file" and ${references.length} in the field "reference"; send at least one and at most one.`,
    );
  return { reference: references[0], candidates };
}

/** Refuses a task that would come with too few or too many files, before a job is made. */
export function checkFiles(kind: TaskKind, files: readonly UploadedFile[]): void {
  if (kind === 'score') filesToScore(files);
  else if (kind === 'separate' || kind === 'speech') onlyFile(files);
}
