import type { Express, Request, RequestHandler, Response } from 'express';
import { answerMethodNotAllowed } from './answer-error.ts';
import { setCommonHead } from './common-head.ts';
import type { AnyWord, RouteTable, Verb } from './route-table.ts';

/**
 * What answers, by the word of its route: who asks is a parameter, so that nobody is answered who
 * was not looked at.
 */
type HandlerOf<Word, Who, Entry> = Word extends { readonly may: 'open' }
  ? (request: Request, response: Response, who: Who | undefined) => unknown
  : Word extends { readonly may: 'administrator' }
    ? (request: Request, response: Response, entry: Entry) => unknown
    : (request: Request, response: Response, who: Who) => unknown;

/** One handler for each word of the table. */
export type Handlers<Table extends RouteTable, Who, Entry = never> = {
  readonly [Path in keyof Table]: { readonly [Each in keyof Table[Path]]: HandlerOf<Table[Path][Each], Who, Entry> };
};

type AnyHandler<Who, Entry> = (request: Request, response: Response, who: Who | Entry | undefined) => unknown;

/** The handler behind the guard that its word asks for. */
export type Guard<Word, Who, Entry = never> = (word: Word, handler: AnyHandler<Who, Entry>) => RequestHandler;

/**
 * Adds each route of the table to the app, behind its guard. Other verbs of its paths answer 405.
 */
export function addRoutes<Word extends AnyWord, const Table extends RouteTable<Word>, Who, Entry = never>(
  app: Express,
  of: {
    readonly table: Table;
    readonly handlers: Handlers<Table, Who, Entry>;
    readonly guard: Guard<Word, Who, Entry>;
    readonly added?: (path: string, verbs: string[]) => void;
  },
): void {
  const handlers = of.handlers as Readonly<Record<string, Readonly<Record<string, AnyHandler<Who, Entry>>>>>;
  refuseDifferences(of.table, handlers);
  for (const [path, verbs] of Object.entries(of.table)) {
    const on = app.route(path);
    for (const [verb, word] of Object.entries(verbs) as [Verb, Word][])
      on[verb](of.guard(word, withCommonHead(handlers[path]![verb]!)));
    on.all(answerMethodNotAllowed(verbs));
    of.added?.(
      path,
      Object.keys(verbs).map((verb) => verb.toUpperCase()),
    );
  }
}

/**
 * Ends the start when the app has a route that stands in none of the tables: nobody has said who
 * may use it.
 */
export function refuseRoutesWithoutWord(app: Express, tables: readonly RouteTable[]): void {
  for (const { route } of app.router.stack) {
    if (!route) continue;
    const words = tables.map((table) => table[route.path]).find((each) => each !== undefined);
    // Of a verb that no table names, only the refusal stands there.
    for (const { method } of route.stack)
      if (!words || (method && words[method as Verb] === undefined)) throw withoutWord(method ?? '', route.path);
  }
}

/** A request that passed its guard gets an answer with the usual head. */
function withCommonHead<Who, Entry>(handler: AnyHandler<Who, Entry>): AnyHandler<Who, Entry> {
  return (request, response, who) => {
    setCommonHead(response);
    return handler(request, response, who);
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
          `Cannot start: ${verb.toUpperCase()} ${path} has no handler; give it one, or take it out of its routes.ts.`,
        );
}

function withoutWord(verb: string, path: string): Error {
  return new Error(
    `Cannot start: nothing says who may use ${verb.toUpperCase()} ${path}; give it a word in its routes.ts.`,
  );
}
