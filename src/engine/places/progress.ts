import { log } from '../../telemetry/logger.ts';
import type { PlaceStanding } from './place-record.ts';

const saidEveryMs = 500;
const loggedEveryMs = 10_000;

/** How far the download from a place is: said to others now and then, and logged. */
export class Progress {
  readonly #title: string;
  readonly #say: (standing: PlaceStanding) => void;
  readonly #downloaded: (bytes: number) => void;
  #standing: PlaceStanding;
  #saidAt = Number.NEGATIVE_INFINITY;
  #loggedAt = performance.now();

  constructor(
    title: string,
    standing: PlaceStanding,
    of: { say: (standing: PlaceStanding) => void; downloaded: (bytes: number) => void },
  ) {
    this.#title = title;
    this.#standing = standing;
    this.#say = of.say;
    this.#downloaded = of.downloaded;
  }

  get standing(): PlaceStanding {
    return this.#standing;
  }

  /** `had` of the bytes are here from before. */
  begins(bytesTotal: number, arriving: readonly string[], had = 0): void {
    this.change({ state: 'downloading', bytes: had, bytesTotal, arriving: [...arriving] });
    if (bytesTotal > had)
      log('app', 'info', `Models are downloaded from ${this.#title}: ${inWords(bytesTotal - had)}`, {
        event_type: 'models_download',
        place: this.#title,
        bytes: bytesTotal - had,
      });
  }

  add(bytes: number): void {
    this.#downloaded(bytes);
    this.moveTo(this.#standing.bytes + bytes);
  }

  /** Also back, where something is downloaded again. */
  moveTo(bytes: number): void {
    this.#standing = { ...this.#standing, bytes };
    const now = performance.now();
    if (now - this.#saidAt > saidEveryMs) {
      this.#saidAt = now;
      this.#say(this.#standing);
    }
    if (now - this.#loggedAt < loggedEveryMs) return;
    this.#loggedAt = now;
    log('app', 'info', `Models are downloaded from ${this.#title}: ${howFar(this.#standing)}`, {
      event_type: 'models_download',
      place: this.#title,
      bytes,
    });
  }

  change(part: Partial<PlaceStanding>): void {
    const isNew = part.state !== undefined && part.state !== this.#standing.state;
    this.#standing = { ...this.#standing, ...(isNew && { sinceMs: Date.now() }), ...part };
    this.#say(this.#standing);
  }
}

/** `34 % of 1.2 GB` */
export function howFar({ bytes, bytesTotal }: Pick<PlaceStanding, 'bytes' | 'bytesTotal'>): string {
  if (bytesTotal === 0) return inWords(bytes);
  return `${Math.floor((100 * bytes) / bytesTotal)} % of ${inWords(bytesTotal)}`;
}

function inWords(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(1)} GB`;
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(1)} MB`;
  return `${Math.ceil(bytes / 1e3)} kB`;
}
