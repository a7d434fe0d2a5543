import { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';
import type { SharedBudget } from '../resilience/shared-budget.ts';
import { inviteBody } from './await-invitation.ts';
import { chargeAnswer } from './charge-answer.ts';

const { read } = IncomingMessage.prototype;
const { end, setTimeout, write } = ServerResponse.prototype;

/** An answer that counts the bytes of its body. */
export type MeasuredAnswer = ServerResponse & { answerBytes: number };

/** What our messages do more than Node's, in the way that Express documents for its users. */
export function extendMessages(app: Express, answers: SharedBudget): void {
  Object.assign(app.request, {
    read(this: IncomingMessage, size?: number): unknown {
      inviteBody(this);
      return read.call(this, size);
    },
  });
  Object.assign(app.response, {
    /** See charge-answer.ts. */
    answersBudget: answers,
    isCharged: false,
    answerBytes: 0,
    write(this: MeasuredAnswer, chunk: unknown, encoding?: unknown, callback?: unknown): boolean {
      this.answerBytes += bytesOf(chunk, encoding);
      return write.call(this, chunk, encoding as BufferEncoding, callback as () => void);
    },
    end(this: MeasuredAnswer, chunk?: unknown, encoding?: unknown, callback?: unknown): ServerResponse {
      const bytes = this.req.method === 'HEAD' ? 0 : bytesOf(chunk, encoding);
      if (bytes > 0) chargeAnswer(this, bytes);
      this.answerBytes += bytes;
      return end.call(this, chunk, encoding as BufferEncoding, callback as () => void);
    },
    /**
     * Holds for this answer alone: the connection may go on for longer than one answer may be silent.
     */
    setTimeout(this: ServerResponse, ms: number, callback?: () => void): ServerResponse {
      if (this.listenerCount('finish', endTimeLimit) === 0) this.once('finish', endTimeLimit);
      return setTimeout.call(this, ms, callback);
    },
  });
}

function bytesOf(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === 'string')
    return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8');
  return chunk instanceof Uint8Array ? chunk.length : 0;
}

function endTimeLimit(this: ServerResponse): void {
  this.req.socket.setTimeout(0);
}
