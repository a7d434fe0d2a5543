import type { Request, Response } from 'express';
import type { Guard } from '../../http/add-routes.ts';
import { requestTrace } from '../../http/trace-request.ts';
import { QuotaElsewhere } from '../inference/take-quota.ts';
import type { Word } from '../routes.ts';
import { type AuditEntry, audited } from './audit-entry.ts';
import type { Client } from './clients.ts';

/** The service's guard: `admit` says who comes in, and what an administrator does is audited. */
export function guardRoute(
  admit: (word: Word, request: Request, response: Response) => Client | undefined,
): Guard<Word, Client, AuditEntry> {
  return (word, handler) => async (request, response) => {
    if ('isLook' in word) requestTrace(response).isLook = true;
    if (word.may !== 'administrator') await handler(request, response, await admitted(word, request, response));
    else
      await audited(word.act, {
        request,
        response,
        admit: () => admit(word, request, response),
        act: (entry) => handler(request, response, entry),
      });
  };

  /** Of several processes, one may have to ask for a part of the client's quota first. */
  async function admitted(word: Word, request: Request, response: Response): Promise<Client | undefined> {
    for (;;)
      try {
        return admit(word, request, response);
      } catch (error) {
        if (!(error instanceof QuotaElsewhere)) throw error;
        await error.bucket.refill();
      }
  }
}
