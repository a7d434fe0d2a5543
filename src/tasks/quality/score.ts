import { ServiceError } from '../../errors.ts';
import { readWhole } from '../audio/read-whole.ts';
import type { UploadedFile } from '../task.ts';
import type { ParametersOf } from '../task-parameters.ts';
import type { TaskWork } from '../task-work.ts';
import { writeFacts } from '../write-facts.ts';
import { rankFiles } from './rank-files.ts';
import { type FileScores, scoreFile } from './score-file.ts';

/** Why a measure that people ask for is not among ours. */
export const notAvailable = {
  pesq: 'not available: the licence of its reference code and its patents do not allow it to be shipped; DNSMOS and STOI stand in for it',
} as const;

/** How good sounds are: each by itself, against a reference where one came along, and ranked where there are several. */
export const score: TaskWork<ParametersOf<'score'>> = async ({ weights }, files, hands) => {
  const { reference, candidates } = roles(files);
  const clean = reference && (await hands.step('audio.decode', () => readWhole(reference, hands.config)));
  const scores: FileScores[] = [];
  for (const file of candidates) {
    const audio = await hands.step('audio.decode', () => readWhole(file, hands.config));
    scores.push(await scoreFile(file.name, audio, clean, hands));
    hands.progress(scores.length, candidates.length, 'files');
  }
  hands.measured({
    audioSeconds: scores.reduce((sum, { duration_seconds: seconds }) => sum + seconds, 0),
    fileBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  });
  const facts = {
    files: scores,
    ...(scores.length > 1 && rankFiles(scores, weights)),
    not_available: hands.model
      ? notAvailable
      : { ...notAvailable, dnsmos: 'not available: the repository does not serve the model dnsmos' },
  };
  return {
    contentType: 'application/json',
    file: await writeFacts(hands.folder, facts),
    fileName: 'scores.json',
    facts,
  };
};

function roles(files: readonly UploadedFile[]): {
  reference: UploadedFile | undefined;
  candidates: readonly UploadedFile[];
} {
  const references = files.filter(({ field }) => field === 'reference');
  const candidates = files.filter(({ field }) => field !== 'reference');
  if (references.length > 1 || candidates.length === 0)
    throw new ServiceError(
      'invalid_input',
      `Cannot score: there are ${candidates.length} files in the field "file" and ${references.length} in the field "reference"; send at least one and at most one.`,
    );
  return { reference: references[0], candidates };
}
