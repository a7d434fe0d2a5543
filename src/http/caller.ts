import type { IncomingHttpHeaders } from 'node:http';

/** What guards and records look at of a request, by whichever protocol it came. */
export type Caller = {
  readonly headers: IncomingHttpHeaders;
  readonly httpVersion: string;
  readonly socket: { readonly remoteAddress?: string | undefined };
  /** Where it came from, as VITRINE_TRUST_PROXY says. */
  readonly ip?: string | undefined;
  /** What a router matched. */
  readonly route?: { readonly path?: unknown };
};
