import type { Request, Response } from 'express';
import { readHeaders } from '../../http/read-by.ts';
import { requestTrace } from '../../http/trace-request.ts';
import { whileOpen } from '../../http/while-open.ts';
import { hasEnded, type Job } from '../../jobs/job.ts';
import { endNumber, eventId, isAfter, type JobEvent, readEventId } from '../../jobs/job-events.ts';
import { restOfJobMs } from '../../jobs/rest-of-job.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import type { Budgets } from '../access/budgets.ts';
import type { Client } from '../access/clients.ts';
import { jobAnswer } from './job-answer.ts';
import { followHeaders } from './job-queries.ts';
import { findOwn, type JobParts } from './job-routes.ts';

/**
 * What may wait in memory for one follower; who is behind by more is dropped, and may come again
 * with Last-Event-ID.
 */
const behindBytesMax = 256 * 1024;

/**
 * GET /v1/jobs/{id}/events: server-sent events `state` and `progress`, whose data is the job. It
 * begins with the present state, or after Last-Event-ID with later events. It ends with the job;
 * 204 makes a browser stop.
 */
export function followJob(parts: JobParts & { lifecycle: Lifecycle; budgets: Budgets }) {
  const { jobs: queue, lifecycle } = parts;
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const trace = requestTrace(response);
    const last = readEventId(readHeaders(followHeaders, request)['Last-Event-ID'] ?? '');
    const { id } = await findOwn(queue, client, request);
    const follower = whileOpen(response, () => new Follower(parts, { id, client: client.name, response }));
    if (!follower) return;
    const job = await queue.find(id);
    trace.beginStream();
    if (!job || lifecycle.stopping.aborted || request.method === 'HEAD') response.end();
    else follower.begin(job, queue.events.of(id), last);
  };
}

class Follower implements Disposable {
  readonly #response: Response;
  readonly #idleMsMax: number;
  readonly #leave = new DisposableStack();
  /** What came before the beginning was sent. */
  #early: JobEvent[] | undefined = [];
  #sent: Pick<JobEvent, 'attempt' | 'number'> = { attempt: -1, number: 0 };

  /**
   * Takes one of the places for followers, or throws. It hears events at once, so that none falls
   * between this and the look at the job.
   */
  constructor(
    { config, jobs, lifecycle, budgets: { followers } }: Parameters<typeof followJob>[0],
    { id, client, response }: { id: string; client: string; response: Response },
  ) {
    followers.take(client, 1);
    this.#leave.defer(() => followers.giveBack(client, 1));
    this.#response = response;
    this.#idleMsMax = config.bodyIdleMsMax;
    response.on('timeout', () => response.destroy());
    this.#leave.defer(jobs.events.follow(id, (event) => this.hear(event)));
    const heartbeat = setInterval(() => this.beat(), config.eventHeartbeatMs);
    this.#leave.defer(() => clearInterval(heartbeat));
    const stop = () => this.end();
    lifecycle.stopping.addEventListener('abort', stop, { once: true });
    this.#leave.defer(() => lifecycle.stopping.removeEventListener('abort', stop));
  }

  [Symbol.dispose](): void {
    this.#leave.dispose();
  }

  begin(job: Job, kept: readonly JobEvent[], last: Pick<JobEvent, 'attempt' | 'number'> | undefined): void {
    const now = present(job, kept);
    if (hasEnded(job) && last && !isAfter(now, last)) {
      this.#response.status(204).end();
      return;
    }
    this.#response.status(200);
    this.#response.setHeader('Content-Type', 'text/event-stream; charset=utf-8');
    this.#response.setHeader('Cache-Control', 'no-store');
    this.#response.setHeader('X-Accel-Buffering', 'no');
    this.#write('retry: 2000\n\n');
    this.#response.flushHeaders();
    if (last) {
      this.#sent = last;
      // Where the first that is kept does not follow what was heard last, some are gone; the present
      // state stands for them.
      for (const event of kept) if (isAfter(event, last)) this.#send(event);
    }
    if (isAfter(now, this.#sent)) this.#send(now);
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.hear(event);
  }

  hear(event: JobEvent): void {
    if (this.#early) this.#early.push(event);
    else if (isAfter(event, this.#sent)) this.#send(event);
  }

  /** A comment keeps proxies from closing the connection, and finds out who has gone. */
  beat(): void {
    if (!this.#early) this.#write(': alive\n\n');
  }

  end(): void {
    this.#response.end();
  }

  #send(event: JobEvent): void {
    this.#sent = event;
    const job = jobAnswer(event.job, { estimateMs: restOfJobMs(event.job) });
    this.#write(`id: ${eventId(event)}\nevent: ${event.kind}\ndata: ${JSON.stringify(job)}\n\n`);
    if (event.number === endNumber) this.end();
  }

  #write(text: string): void {
    if (this.#response.writableEnded || this.#response.destroyed) return;
    if (this.#response.writableLength > behindBytesMax) {
      this.#response.destroy();
      return;
    }
    // The time runs only while something is on its way: a quiet job is no reason to drop anybody. Right
    // after write() something always is.
    this.#response.setTimeout(this.#idleMsMax);
    this.#response.write(text, () => {
      if (this.#response.writableLength === 0) this.#response.setTimeout(0);
    });
  }
}

/**
 * The present state as an event: the last one sent, or the state in the store of a job that nobody
 * works on.
 */
function present(job: Job, kept: readonly JobEvent[]): JobEvent {
  if (hasEnded(job)) return { kind: 'state', attempt: job.attempt, number: endNumber, job };
  const last = kept.at(-1);
  return last?.attempt === job.attempt ? last : { kind: 'state', attempt: job.attempt, number: 0, job };
}
