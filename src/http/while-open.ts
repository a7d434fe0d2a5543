import type { ServerResponse } from 'node:http';

/**
 * Holds something for as long as the answer is open: `begin` takes it, and it is disposed of when
 * the answer closes. An answer may be closed after any await; then nothing is taken, and undefined
 * comes back. Whatever a handler holds past an await is held by this or by `leftSignal`: a listener
 * that is added to a closed answer never hears.
 */
export function whileOpen<Held extends Disposable>(response: ServerResponse, begin: () => Held): Held | undefined {
  if (response.closed || response.destroyed) return undefined;
  const held = begin();
  response.once('close', () => held[Symbol.dispose]());
  return held;
}

/**
 * Aborted when the caller has left before the end of its answer, and at once where it has left
 * already.
 */
export function leftSignal(response: ServerResponse): AbortSignal {
  const left = new AbortController();
  const leave = () => {
    if (!response.writableFinished) left.abort();
  };
  if (!whileOpen(response, () => ({ [Symbol.dispose]: leave }))) leave();
  return left.signal;
}
