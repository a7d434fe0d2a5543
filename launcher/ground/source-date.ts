import { CommandFailed, runCommand } from '../run-command.ts';
import { StackFailure } from '../stack-failure.ts';

export type Source = { readonly revision: string; readonly seconds: number };

/**
 * The commit and its time, which is the time of everything in an image. Changes that are not
 * committed make the revision end in `-changed`.
 */
export async function sourceOf(root: string, paths: readonly string[] = ['.'], env = process.env): Promise<Source> {
  const git = (...parameters: string[]) => runCommand('git', ['-C', root, ...parameters]);
  const given = Number(env.SOURCE_DATE_EPOCH);
  try {
    const [revision = '', seconds] = (await git('log', '-1', '--format=%H %ct', '--', ...paths)).trim().split(' ');
    const changed = (await git('status', '--porcelain', '--', ...paths)) !== '';
    return { revision: changed ? `${revision}-changed` : revision, seconds: given || Number(seconds) };
  } catch (error) {
    if (given > 0) return { revision: 'unknown', seconds: given };
    const why = error instanceof CommandFailed ? error.output.trim().split('\n')[0] : (error as Error).message;
    throw new StackFailure(
      `Cannot date the images: git does not answer for this folder (${why}); make it a checkout that you own, or name the seconds since 1970 in SOURCE_DATE_EPOCH.`,
      { cause: error },
    );
  }
}
