/**
 * Who may use a route:
 * - `open`: anybody, from anywhere, web pages included. It says nothing that a stranger may not
 * know, or more to a known client.
 * - `client`: a program that may come in, but no web page of others.
 * - `administrator`: a program with the administrator's token. Each use is an entry of the audit
 * log.
 */
export type Access = 'open' | 'client' | 'administrator';

export type Verb = 'get' | 'post' | 'delete';

export type AnyWord = { readonly may: Access };

/** Routes with the word that says who may use each of them. One without a word does not start. */
export type RouteTable<Word extends AnyWord = AnyWord> = Readonly<Record<string, { readonly [Each in Verb]?: Word }>>;
