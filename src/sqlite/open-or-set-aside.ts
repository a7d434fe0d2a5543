import { dirname } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { ServiceError } from '../errors.ts';
import { makeFolderNow } from '../make-folder.ts';
import { type DatabaseTerms, openSound, unusable } from './open-sound.ts';
import { isBusy, isDamaged } from './sqlite-failures.ts';

export type Opened<Aside> = { readonly database: DatabaseSync; readonly setAside: Aside | undefined };

/**
 * The database, whichever earlier version wrote it. A damaged file is set aside and a new one made:
 * the process must come up again by itself, and only a person may give up what was accepted. Throws
 * `invalid_setting` where it cannot be used.
 */
export function openOrSetAside<Aside>(
  terms: DatabaseTerms,
  of: {
    /** The process, as a person calls it. */
    readonly who: string;
    readonly setAside: (because: unknown) => Aside;
    /** Goes on with what a start before this one was killed in. */
    readonly finish?: () => Aside | undefined;
  },
): Opened<Aside> {
  const { file } = terms;
  try {
    makeFolderNow(dirname(file));
    const interrupted = of.finish?.();
    if (interrupted) return { database: openSound(terms), setAside: interrupted };
    try {
      return { database: openSound(terms), setAside: undefined };
    } catch (error) {
      if (!isDamaged(error)) throw error;
      const setAside = of.setAside(error);
      return { database: openSound(terms), setAside };
    }
  } catch (error) {
    if (error instanceof ServiceError) throw error;
    if (isBusy(error))
      throw unusable(
        file,
        `another ${of.who} has it open; stop that one, or give this one a VITRINE_DATA of its own`,
        error,
      );
    const message = error instanceof Error ? error.message : String(error);
    throw unusable(
      file,
      `${message}; see that the folder of VITRINE_DATA can be written and its disk is not full`,
      error,
    );
  }
}
