import { DownloadFailed, downloadVerified } from '../../src/download.ts';

/** Why an archive could not be had, as it ends a sentence about the server. */
export class NoArchive extends Error {
  override readonly name = 'NoArchive';
}

export type FetchOptions = {
  url: string;
  /** The file to write. */
  to: string;
  sha256: string;
  /** A download that would take longer is given up: something else is quicker. */
  msMax: number;
  signal?: AbortSignal | undefined;
  onBytes?: (bytes: number, bytesMax: number | undefined) => void;
};

/** A host that has not begun to answer by then is given up, and so is one that breaks off twice. */
const answerMsMax = 1_000;
const attemptsMax = 1;
const silentMsMax = 5_000;
/** How long a download runs before its speed is judged. */
const judgedAfterMs = 3_000;
/** The largest official archive has 100 MB. */
const bytesMax = 1e9;

/** Downloads an archive and checks its SHA-256. */
export async function fetchArchive(options: FetchOptions): Promise<void> {
  const { url, to, sha256, signal, onBytes } = options;
  const { host } = new URL(url);
  const startedMs = performance.now();
  let bytes = 0;
  let total = 0;
  try {
    await downloadVerified({
      url,
      to,
      sha256,
      wrongHash: (found) => new NoArchive(`${host} has another file: its SHA-256 is ${found}, not ${sha256}`),
      bytesMax,
      tooLargeRemedy: 'no archive has as many',
      answerMsMax,
      silentMsMax,
      attemptsMax,
      signal: signal ?? new AbortController().signal,
      begins: (bytesTotal, had) => {
        total = bytesTotal;
        bytes = had;
      },
      onBytes: (more) => {
        bytes += more;
        onBytes?.(bytes, total || undefined);
        const ms = performance.now() - startedMs;
        const expectedMs = total === 0 ? ms : (ms * total) / bytes;
        if (ms >= judgedAfterMs && expectedMs > options.msMax)
          throw new NoArchive(`${host} would take ${Math.round(expectedMs / 1000)} s for it`);
      },
    });
  } catch (error) {
    if (!(error instanceof DownloadFailed)) throw error;
    throw new NoArchive(error.message, { cause: error });
  }
}
