import { AskFailure, ask, traceOf } from '../asking/ask.ts';
import type { Call } from './curl-command.ts';
import { cancelJob, followJob, type Job, type Told } from './follow-job.ts';

export type Ran = { response: Response; traceId: string | undefined; facts: Record<string, unknown> | undefined };

/** Makes the call as a job where the service takes jobs, so that it tells how far it is; else waits for the answer. Aborting cancels the work. */
export async function runTrial(call: Call, json: string, told: Told, signal: AbortSignal): Promise<Ran> {
  const headers = new Headers(call.path.startsWith('/v1/') ? { prefer: 'respond-async' } : {});
  headers.set('x-vitrine-trace', '1');
  if (call.profile) headers.set('x-vitrine-profile', '1');
  if (call.accept) headers.set('accept', call.accept);
  if (call.body === 'json') headers.set('content-type', 'application/json');
  const response = await ask(call.path, {
    method: 'POST',
    headers,
    body: call.body === 'json' ? json : formOf(call),
    signal,
  });
  const traceId = traceOf(response);
  if (response.status !== 202) return { response, traceId, facts: undefined };
  const location = new URL(response.headers.get('location') ?? '', window.location.href).pathname;
  let job: Job;
  try {
    job = await followJob(location, told, signal);
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
  };
}

function formOf({ values }: Call): FormData {
  const form = new FormData();
  for (const [name, value] of values) form.append(name, value);
  return form;
}
