import type { Request, Response } from 'express';
import type { Guard } from '../../http/add-routes.ts';
import { requestTrace } from '../../http/trace-request.ts';
import type { Word } from '../routes.ts';
import { type AuditEntry, audited } from './audit-entry.ts';
import type { Client } from './clients.ts';

/** The service's guard: `admit` says who comes in, and what an administrator does is audited. */
export function guardRoute(
  admit: (word: Word, request: Request, response: Response) => Client | undefined,
): Guard<Word, Client, AuditEntry> {
  return (word, handler) => async (request, response) => {
    if ('isLook' in word) requestTrace(response).isLook = true;
    if (word.may !== 'administrator') await handler(request, response, admit(word, request, response));
    else
      await audited(word.act, {
        request,
        response,
        admit: () => admit(word, request, response),
        act: (entry) => handler(request, response, entry),
      });
  };
}
