import { AskFailure, ask, traceOf } from '../asking/ask.ts';
import type { Call } from './curl-command.ts';
import { cancelJob, followJob, type Job, type OnProgress } from './follow-job.ts';
import { quotaLeft } from './quota-left.ts';

export type Ran = {
  response: Response;
  traceId: string | undefined;
  facts: Record<string, unknown> | undefined;
  /** Of the caller's quota, after this. */
  left: string | undefined;
};

/**
 * Makes the call as a job where the service takes jobs, so that it reports progress; else waits for
 * the answer. Aborting cancels the work.
 */
export async function runTrial(call: Call, json: string, onProgress: OnProgress, signal: AbortSignal): Promise<Ran> {
  const headers = new Headers(call.path.startsWith('/v1/') ? { prefer: 'respond-async' } : {});
  headers.set('x-vitrine-trace', '1');
  if (call.profile) headers.set('x-vitrine-profile', '1');
  if (call.accept) headers.set('accept', call.accept);
  if (call.body === 'json') headers.set('content-type', 'application/json');
  const request = { method: 'POST', headers, body: call.body === 'json' ? json : formOf(call) };
  const response = headers.has('prefer')
    ? await askForJob(call.path, request, signal)
    : await ask(call.path, { ...request, signal });
  const traceId = traceOf(response);
  const left = quotaLeft(response.headers.get('ratelimit'));
  if (response.status !== 202) return { response, traceId, facts: undefined, left };
  const location = locationOf(response);
  let job: Job;
  try {
    job = await followJob(location, onProgress, signal);
    if (job.state !== 'done')
      throw new AskFailure(job.failure?.error ?? `The job is ${job.state}.`, job.failure?.code ?? '', 0, job.trace_id);
  } catch (error) {
    // Nobody waits any more: the work is ended too, not only the waiting.
    if (signal.aborted) await cancelJob(location).catch(() => undefined);
    throw error;
  }
  return {
    response: await ask(`${location}/result`, { signal, ...(call.accept && { headers: { accept: call.accept } }) }),
    traceId: job.trace_id ?? traceId,
    facts: job.result?.facts,
    left,
  };
}

/**
 * Not broken off by the signal: the job may have been taken by then, and nobody would know what to
 * cancel. It is cancelled as soon as it has a name.
 */
async function askForJob(path: string, request: RequestInit, signal: AbortSignal): Promise<Response> {
  const asked = ask(path, request);
  const aborted = Promise.withResolvers<never>();
  const abort = () => {
    aborted.reject(signal.reason);
    asked
      .then((response) => (response.status === 202 ? cancelJob(locationOf(response)) : undefined))
      .catch(() => undefined); // There is no job then.
  };
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([asked, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

function locationOf(response: Response): string {
  return new URL(response.headers.get('location') ?? '', window.location.href).pathname;
}

function formOf({ values }: Call): FormData {
  const form = new FormData();
  for (const [name, value] of values) form.append(name, value);
  return form;
}
