import type { IncomingMessage, ServerResponse } from 'node:http';

// A caller who sends "Expect: 100-continue" waits with its body. It is asked for the body when
// somebody reads it: what is refused before that needs none, and Node ends the connection then.

const waiting = new WeakMap<IncomingMessage, ServerResponse>();

export function awaitInvitation(request: IncomingMessage, response: ServerResponse): void {
  waiting.set(request, response);
}

/** Whether the caller may still wait for being asked for the body. */
export function isUninvited(request: IncomingMessage): boolean {
  return waiting.has(request) && !request.complete;
}

/** Comes before the body is read, however it is read. */
export function inviteBody(request: IncomingMessage): void {
  const response = waiting.get(request);
  if (response === undefined || response.headersSent) return;
  waiting.delete(request);
  response.writeContinue();
}
