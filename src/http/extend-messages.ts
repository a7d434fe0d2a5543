import { IncomingMessage, ServerResponse } from 'node:http';
import type { Express } from 'express';
import type { SharedBudget } from '../resilience/shared-budget.ts';
import { inviteBody } from './await-invitation.ts';
import { chargeAnswer } from './charge-answer.ts';

const { read } = IncomingMessage.prototype;
const { end, setTimeout } = ServerResponse.prototype;

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
    end(this: ServerResponse, chunk?: unknown, encoding?: unknown, callback?: unknown): ServerResponse {
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) chargeAnswer(this, chunk.length);
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

function endTimeLimit(this: ServerResponse): void {
  this.req.socket.setTimeout(0);
}
