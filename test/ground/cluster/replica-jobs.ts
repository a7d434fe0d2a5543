import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { waitFor } from '../../../testkit/wait-for.ts';

const work = JSON.stringify({ prompt: 'a low bell', duration_seconds: 2 });
const ended = ['done', 'failed', 'cancelled'];

/** Jobs of one replica: a job lives on the replica that took it. */
export class ReplicaJobs {
  readonly #url: string;
  readonly #key: string;
  /** Ids of all that were accepted. */
  readonly accepted: string[] = [];

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  /** Until it is aborted: a job after the other, each sent again until it is accepted. */
  async keepSending(signal: AbortSignal, everyMs: number): Promise<void> {
    while (!signal.aborted) {
      const id = await this.#send(randomUUID());
      if (id !== undefined) this.accepted.push(id);
      await pause(everyMs);
    }
  }

  /** The state in which each ended. */
  async untilEnded(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const id of this.accepted) {
      const state = await waitFor(`the end of job ${id}`, () => this.#endOf(id), { deadlineMs: 300_000, everyMs: 500 });
      counts[state] = (counts[state] ?? 0) + 1;
    }
    return counts;
  }

  async #endOf(id: string): Promise<string | undefined> {
    const answer = await fetch(`${this.#url}/v1/jobs/${id}`, {
      headers: { 'x-api-key': this.#key },
      signal: AbortSignal.timeout(10_000),
    });
    const { state } = (await answer.json()) as { state: string };
    return ended.includes(state) ? state : undefined;
  }

  /** With the same key each time: what was accepted without an answer is found again. */
  async #send(idempotencyKey: string): Promise<string | undefined> {
    for (let tries = 0; tries < 200; tries += 1) {
      try {
        const answer = await fetch(`${this.#url}/v1/generate`, {
          method: 'POST',
          headers: {
            'x-api-key': this.#key,
            'content-type': 'application/json',
            prefer: 'respond-async',
            'idempotency-key': idempotencyKey,
          },
          body: work,
          signal: AbortSignal.timeout(10_000),
        });
        if (answer.status === 202) return ((await answer.json()) as { id: string }).id;
      } catch {
        // The replica is unreachable until it has started again.
      }
      await pause(1_000);
    }
    return undefined;
  }
}
