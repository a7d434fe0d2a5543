import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';
import type { Caller } from './caller.ts';

export type PageRules = {
  /**
   * The service listens on loopback without a proxy: then another Host is a page that gave its own
   * name this address.
   */
  readonly onlyLoopbackHosts: boolean;
  /** Whether there is a page of our own, which may ask. */
  readonly hasOwnPage: boolean;
};

/**
 * Foreign web pages must not act through a browser on this machine. They are found by Origin and
 * Sec-Fetch-Site, which a page cannot change, and by Host: a page may give its own name the address
 * 127.0.0.1. Answers the refusal, or undefined.
 */
export function refusalOfForeignPage(
  { headers, httpVersion }: Caller,
  { onlyLoopbackHosts, hasOwnPage }: PageRules,
): ServiceError | undefined {
  const { origin, host } = headers;
  if (host === undefined && httpVersion !== '1.0')
    return new ServiceError(
      'invalid_request',
      say`Cannot take the request: its header Host is missing; HTTP/1.1 needs it.`,
    );
  if (origin !== undefined && !(hasOwnPage && (origin === `http://${host}` || origin === `https://${host}`)))
    return foreign(hasOwnPage);
  const site = headers['sec-fetch-site'];
  if (site !== undefined && !(site === 'none' || (hasOwnPage && site === 'same-origin'))) return foreign(hasOwnPage);
  if (onlyLoopbackHosts && host !== undefined && !isLoopbackHost(host))
    return new ServiceError(
      'forbidden',
      say`Cannot take the request: its Host is not this machine, while only loopback is listened on; use 127.0.0.1, or name the proxy in VITRINE_TRUST_PROXY.`,
    );
  return undefined;
}

function foreign(hasOwnPage: boolean): ServiceError {
  return new ServiceError(
    'forbidden',
    hasOwnPage
      ? say`Cannot take the request: a web page of another origin sent it; serve the page from this address.`
      : say`Cannot take the request: a web page sent it; send it from a program.`,
  );
}

function isLoopbackHost(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i.test(host);
}
