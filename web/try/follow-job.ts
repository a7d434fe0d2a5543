import { AskFailure, ask, askJson } from '../asking/ask.ts';

/** A job as GET /v1/jobs/{id} has it. */
export type Job = {
  id: string;
  /** The trace of the work, linked with that of the request. */
  trace_id?: string;
  state: string;
  progress?: { done?: number; total?: number; step?: string };
  estimate?: { seconds_left: number };
  failure?: { code: string; error: string };
  result?: { facts: Record<string, unknown> };
};

export type OnProgress = (progress: { part: number | undefined; says: string }) => void;

const endStates = new Set(['done', 'failed', 'cancelled']);

/**
 * Follows a job by its events until it has ended; where the stream breaks, it asks again. Aborting
 * the signal does not end the job: `cancelJob` does.
 */
export async function followJob(location: string, onProgress: OnProgress, signal: AbortSignal): Promise<Job> {
  for (;;) {
    const job = await askJson<Job>(location, { signal });
    report(job, onProgress);
    if (endStates.has(job.state)) return job;
    try {
      await readEvents(`${location}/events`, onProgress, signal);
    } catch (error) {
      // A connection that broke off is no end of the job: it is asked again. A refusal of the service is
      // shown.
      if (signal.aborted || error instanceof AskFailure) throw error;
    }
  }
}

export async function cancelJob(location: string): Promise<void> {
  await ask(`${location}/cancel`, { method: 'POST' });
}

function report({ state, progress = {}, estimate }: Job, onProgress: OnProgress): void {
  const { done = 0, total = 0, step = '' } = progress;
  const left = estimate && estimate.seconds_left >= 1 ? `, about ${Math.round(estimate.seconds_left)} s to go` : '';
  onProgress({
    part: total > 0 ? done / total : undefined,
    says: `${step === '' ? state : `${state}: ${step}`}${left}`,
  });
}

/**
 * Comes back at the end of the stream, which is the end of the job or of the connection.
 * EventSource cannot send a key, so the stream is read by hand.
 */
async function readEvents(path: string, onProgress: OnProgress, signal: AbortSignal): Promise<void> {
  const response = await ask(path, { headers: { accept: 'text/event-stream' }, signal });
  let held = '';
  const text = new TextDecoder();
  for await (const piece of response.body!) {
    held += text.decode(piece as Uint8Array, { stream: true });
    const events = held.split('\n\n');
    held = events.pop() ?? '';
    for (const event of events) {
      const data = event
        .split('\n')
        .filter((line) => line.startsWith('data:'))
        .map((line) => line.slice(5).trim())
        .join('\n');
      if (data === '') continue;
      const job = JSON.parse(data) as Job;
      if (typeof job.state !== 'string') {
        report(
          { ...job, state: 'running', progress: job.progress ?? (job as unknown as NonNullable<Job['progress']>) },
          onProgress,
        );
        continue;
      }
      report(job, onProgress);
      if (endStates.has(job.state)) return;
    }
  }
}
