import { filesToScore } from '../task-files.ts';
import type { ParametersOf } from '../task-parameters.ts';
import type { UploadedFile } from '../task-types.ts';
import type { TaskHands, TaskWork } from '../task-work.ts';
import { writeFacts } from '../write-facts.ts';
import { rankFiles } from './rank-files.ts';
import { declaredSeconds, type FileScores, scoreFile } from './score-file.ts';

/** Why a measure that people ask for is not among ours. */
export const notAvailable = {
  pesq: 'not available: the licence of its reference code and its patents do not allow it to be shipped; DNSMOS and STOI stand in for it',
} as const;

/**
 * How good sounds are: each by itself, against a reference where one came along, and ranked where
 * there are several.
 */
export const score: TaskWork<ParametersOf<'score'>> = async ({ weights }, files, hands) => {
  const { reference, candidates } = filesToScore(files);
  const progress = new SecondsOfFiles(
    await lengthsOf(reference ? [...candidates, reference] : candidates, candidates.length, hands),
    hands,
  );
  const scores: FileScores[] = [];
  for (const file of candidates) {
    const scored = await scoreFile(file, reference, hands, (seconds) => progress.at(seconds));
    scores.push(scored);
    progress.endFile(scored.duration_seconds);
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
    file: await hands.step('files.write', () => writeFacts(hands.folder, facts)),
    fileName: 'scores.json',
    facts,
  };
};

/**
 * Looks into the heads of all files before the first is worked on: one that cannot be taken is
 * refused at once, and the whole is known.
 */
async function lengthsOf(
  files: readonly UploadedFile[],
  count: number,
  { config, step }: TaskHands,
): Promise<readonly (number | undefined)[]> {
  return await step('audio.open', async () => {
    const lengths: (number | undefined)[] = [];
    for (const file of files) lengths.push(await declaredSeconds(file, config));
    return lengths.slice(0, count);
  });
}

/**
 * Progress in seconds of sound, over all files; the total is 0 while one of them does not say how
 * long it is.
 */
class SecondsOfFiles {
  readonly #progress: TaskHands['progress'];
  readonly #total: number;
  #before = 0;

  constructor(lengths: readonly (number | undefined)[], { progress }: TaskHands) {
    this.#progress = progress;
    this.#total = lengths.includes(undefined)
      ? 0
      : tenths(lengths.reduce<number>((sum, length = 0) => sum + length, 0));
  }

  at(seconds: number): void {
    const done = tenths(this.#before + seconds);
    this.#progress(this.#total === 0 ? done : Math.min(done, this.#total), this.#total, 'seconds');
  }

  endFile(seconds: number): void {
    this.#before += seconds;
    this.at(0);
  }
}

function tenths(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}
