import { setImmediate as nextTurn } from 'node:timers/promises';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';
import type { RaisedBy } from './http-limits.ts';

/**
 * A body in memory. `release` gives its bytes back to the budget; its reader calls it once, when
 * the request has ended.
 */
export type Body = {
  readonly bytes: Buffer;
  /** Nothing else is in the memory under it, so it may be handed on instead of copied. */
  readonly isAlone: boolean;
  release(): void;
};

/** A buffer of its own whose byte at `alignAt` lies at a multiple of 8. */
export function alignedBlock(size: number, alignAt: number): Buffer {
  const shift = (8 - (alignAt % 8)) % 8;
  return Buffer.allocUnsafeSlow(size + shift).subarray(shift);
}

const joinedBytesMax = 4 * 2 ** 20;

/** The chunks in one block. A few megabytes at a time: new memory costs more than the copying. */
export async function joined(chunks: readonly Buffer[], size: number, alignAt: number): Promise<Buffer> {
  const block = alignedBlock(size, alignAt);
  let at = 0;
  let turnAt = joinedBytesMax;
  for (const chunk of chunks) {
    if (at >= turnAt) {
      await nextTurn();
      turnAt = at + joinedBytesMax;
    }
    at += chunk.copy(block, at);
  }
  return block;
}

export function tooLarge(what: string, bytesMax: number, { bodyBytes }: RaisedBy): ServiceError {
  return new ServiceError(
    'body_too_large',
    say`Cannot read the body: it has ${ours(what)}; at most ${bytesMax} are taken; send less, or raise ${ours(bodyBytes)}.`,
  );
}
