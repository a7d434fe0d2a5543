import type { Express, Request, RequestHandler, Response } from 'express';
import { type AuditEntry, audited } from '../api/access/audit-entry.ts';
import type { RouteTable, Verb, Word } from '../api/routes.ts';
import { answerMethodNotAllowed } from './answer-error.ts';
import { requestTrace } from './trace-request.ts';

/** What answers, by the word of its route: who asks is a parameter, so that nothing is answered to somebody who was not looked at. */
type HandlerOf<Of, Who> = Of extends { readonly may: 'open' }
  ? (request: Request, response: Response, who: Who | undefined) => unknown
  : Of extends { readonly may: 'administrator' }
    ? (request: Request, response: Response, entry: AuditEntry) => unknown
    : (request: Request, response: Response, who: Who) => unknown;

/** One handler for each word of the table. */
export type Handlers<Table extends RouteTable, Who> = {
  readonly [Path in keyof Table]: { readonly [Each in keyof Table[Path]]: HandlerOf<Table[Path][Each], Who> };
};

/** Lets a request pass as the word of its route says, or throws. Undefined only where the word is `open`: a stranger. */
export type Admit<Who> = (word: Word, request: Request, response: Response) => Who | undefined | Promise<Who>;

/** Adds each route of the table to the app, behind the guard that its word asks for. */
export function addRoutes<const Table extends RouteTable, Who>(
  app: Express,
  of: {
    readonly table: Table;
    readonly handlers: Handlers<Table, Who>;
    readonly admit: Admit<Who>;
    readonly added?: (path: string, verbs: string[]) => void;
  },
): void {
  const handlers = of.handlers as Readonly<Record<string, Readonly<Record<string, AnyHandler<Who>>>>>;
  refuseDifferences(of.table, handlers);
  for (const [path, verbs] of Object.entries(of.table)) {
    const on = app.route(path);
    for (const [verb, word] of Object.entries(verbs) as [Verb, Word][])
      on[verb](guarded(word, of.admit, handlers[path]![verb]!));
    on.all(answerMethodNotAllowed(verbs));
    const isLook = Object.values(verbs).some((word) => 'isLook' in word);
    if (!isLook)
      of.added?.(
        path,
        Object.keys(verbs).map((verb) => verb.toUpperCase()),
      );
  }
}

/** Ends the start when the app has a route that stands in none of the tables: nobody has said who may use it. */
export function refuseRoutesWithoutWord(app: Express, tables: readonly RouteTable[]): void {
  for (const { route } of app.router.stack) {
    if (!route) continue;
    const words = tables.map((table) => table[route.path]).find((each) => each !== undefined);
    // Of a verb that no table names, only the refusal stands there.
    for (const { method } of route.stack)
      if (!words || (method && words[method as Verb] === undefined)) throw withoutWord(method ?? '', route.path);
  }
}

type AnyHandler<Who> = (request: Request, response: Response, who: Who | AuditEntry | undefined) => unknown;

function guarded<Who>(word: Word, admit: Admit<Who>, handler: AnyHandler<Who>): RequestHandler {
  return async (request, response) => {
    if ('isLook' in word) requestTrace(response).isLook = true;
    if (word.may === 'administrator')
      await audited(word.act, {
        request,
        response,
        admit: async () => void (await admit(word, request, response)),
        act: (entry) => handler(request, response, entry),
      });
    else await handler(request, response, await admit(word, request, response));
  };
}

/** The types say so already; they cannot say it of what was cast. */
function refuseDifferences(table: RouteTable, handlers: Readonly<Record<string, Readonly<Record<string, unknown>>>>) {
  for (const [path, verbs] of Object.entries(handlers))
    for (const verb of Object.keys(verbs)) if (!table[path]?.[verb as Verb]) throw withoutWord(verb, path);
  for (const [path, verbs] of Object.entries(table))
    for (const verb of Object.keys(verbs))
      if (!handlers[path]?.[verb])
        throw new Error(
          `Cannot start: ${verb.toUpperCase()} ${path} has no handler; give it one, or take it out of src/api/routes.ts.`,
        );
}

function withoutWord(verb: string, path: string): Error {
  return new Error(
    `Cannot start: nothing says who may use ${verb.toUpperCase()} ${path}; give it a word in src/api/routes.ts.`,
  );
}
