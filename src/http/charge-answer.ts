import type { ServerResponse } from 'node:http';
import type { SharedBudget } from '../resilience/shared-budget.ts';
import { chargedClient } from './charged-client.ts';
import { whileOpen } from './while-open.ts';

/**
 * Answers up to this are not charged: the limits of requests in flight and of connections bound
 * them well enough.
 */
export const chargedBytesMin = 64 * 1024;

/** An answer that knows what it is charged to, and whether it was. */
export type ChargedAnswer = ServerResponse & { readonly answersBudget: SharedBudget | undefined; isCharged: boolean };

/**
 * Charges the bytes of an answer to its caller until the connection has taken them, or throws. Code
 * that writes an answer in pieces calls it before the head; `end` charges by itself.
 */
export function chargeAnswer(response: ServerResponse, bytes: number): void {
  const charged = response as ChargedAnswer;
  const budget = charged.answersBudget;
  if (bytes <= chargedBytesMin || budget === undefined || charged.isCharged) return;
  const client = chargedClient(response.req);
  whileOpen(response, () => {
    budget.take(client, bytes);
    charged.isCharged = true;
    return { [Symbol.dispose]: () => budget.giveBack(client, bytes) };
  });
}
