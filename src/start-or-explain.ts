import { ServiceError } from './errors.ts';

/**
 * Runs the start of a process; what it cannot do is one sentence on the console and exit status 1.
 */
export async function startOrExplain(start: () => Promise<void>): Promise<void> {
  try {
    await start();
  } catch (error) {
    process.stderr.write(
      `${error instanceof ServiceError ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
    );
    process.exit(1);
  }
}
