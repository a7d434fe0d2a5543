import { sessionKey } from './session-key.ts';

/**
 * What the service answered when it could not do what it was asked; `unreachable` when it did not
 * answer at all.
 */
export class AskFailure extends Error {
  readonly code: string;
  readonly status: number;
  readonly traceId: string | undefined;

  constructor(message: string, code: string, status: number, traceId?: string) {
    super(message);
    this.name = 'AskFailure';
    this.code = code;
    this.status = status;
    this.traceId = traceId;
  }
}

/**
 * Asks the service that served this page, with the key that the person gave; anything but 2xx is
 * thrown as the sentence that came with it.
 */
export function ask(path: string, init: RequestInit = {}): Promise<Response> {
  return askAnyway(path, [], init);
}

/** Likewise, where some of the other statuses are answers too. */
export async function askAnyway(path: string, alsoFine: readonly number[], init: RequestInit = {}): Promise<Response> {
  const key = sessionKey();
  const headers = new Headers(init.headers);
  if (key !== '') headers.set('Authorization', `Bearer ${key}`);
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: 'omit' });
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'AbortError') throw cause;
    throw new AskFailure('Cannot reach the service; is it running?', 'unreachable', 0);
  }
  if (!response.ok && !alsoFine.includes(response.status)) throw await failureOf(response, path);
  return response;
}

export async function askJson<Answer>(path: string, init: RequestInit = {}): Promise<Answer> {
  return (await (await ask(path, init)).json()) as Answer;
}

/** The trace of the request that this answers. */
export function traceOf(response: Response): string | undefined {
  return response.headers.get('traceresponse')?.split('-')[1];
}

async function failureOf(response: Response, path: string): Promise<AskFailure> {
  const text = await response.text();
  // Looking leaves no trace that could be followed.
  const isLook = /^\/(backends|page)\//.test(path);
  try {
    const { error, code, trace_id } = JSON.parse(text) as { error?: string; code?: string; trace_id?: string };
    if (typeof error === 'string')
      return new AskFailure(error, code ?? '', response.status, isLook ? undefined : trace_id);
  } catch {
    // Not one of ours: a proxy in between, perhaps. Its status is all there is to say.
  }
  return new AskFailure(
    `The service answered ${response.status}.`,
    '',
    response.status,
    isLook ? undefined : traceOf(response),
  );
}
