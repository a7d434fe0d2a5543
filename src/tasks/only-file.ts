import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';
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
