import type { DatasetProgress } from './run-dataset.ts';

/** A plain line at least this often where nobody watches a terminal. */
const plainEveryMs = 10_000;
const barChars = 24;

/**
 * Shows how a run goes: one line that is always the present on a terminal, plain lines elsewhere.
 */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #startedAt = performance.now();
  #now: DatasetProgress | undefined;
  #plainAt = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  show(progress: DatasetProgress): void {
    this.#now = { ...progress };
    if (this.#stream.isTTY) {
      this.#stream.write(`\r\u001b[K${this.#line().slice(0, (this.#stream.columns || 80) - 1)}`);
      return;
    }
    const now = performance.now();
    if (now < this.#plainAt) return;
    this.#plainAt = now + plainEveryMs;
    this.#stream.write(`${this.#line()}\n`);
  }

  /** The last word; the line stays. */
  end(): void {
    if (this.#now) this.#stream.write(`${this.#stream.isTTY ? '\r\u001b[K' : ''}${this.#line()}\n`);
  }

  #line(): string {
    const { total, skipped, success, excluded, failed } = this.#now!;
    const done = success + excluded + failed;
    const todo = total - skipped;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const rate = done / seconds;
    const share = todo === 0 ? 1 : done / todo;
    const full = Math.floor(share * barChars);
    const parts = [
      `[${'█'.repeat(full)}${'·'.repeat(barChars - full)}] ${done} of ${todo}`,
      ...(done > 0 ? [`${rate.toFixed(rate < 10 ? 1 : 0)} files/s`] : []),
      ...(done > 0 && done < todo ? [`${inWords((todo - done) / rate)} left`] : []),
      ...(skipped > 0 ? [`${skipped} done before`] : []),
      ...(excluded > 0 ? [`${excluded} excluded`] : []),
      ...(failed > 0 ? [`${failed} failed`] : []),
    ];
    return parts.join(' · ');
  }
}

function inWords(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`;
  return seconds < 6000 ? `${Math.ceil(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
