import type { Request, Response } from 'express';
import { ServiceError } from '../../errors.ts';
import { acceptedPacking } from '../../http/accepted-packing.ts';
import { say } from '../../sentence.ts';
import { type Page, readPage } from './read-page.ts';

/**
 * GET / and /assets/…: the page itself, read at its first request. It holds no secrets and no data,
 * so it needs no key.
 */
export function servePage() {
  let read: Promise<Page | undefined> | undefined;
  return async (request: Request, response: Response): Promise<void> => {
    read ??= readPage();
    const files = await read.catch(() => undefined);
    if (files === undefined) {
      read = undefined;
      throw new ServiceError(
        'page_not_made',
        say`Cannot show the page: it is not built into web/dist; run npm run build:page.`,
      );
    }
    const file = files.get(request.path);
    if (!file)
      throw new ServiceError(
        'not_found',
        say`Cannot find this file: the page has none of this name (any more); load / again.`,
      );
    const packed = acceptedPacking(request.headers['accept-encoding']) === 'gzip';
    const body = packed ? file.gzipped : file.body;
    response.setHeader('Content-Type', file.contentType);
    response.setHeader('Content-Length', body.length);
    response.setHeader('Vary', 'Accept-Encoding');
    if (packed) response.setHeader('Content-Encoding', 'gzip');
    // Assets change their name with their content; the page that names them is requested each time.
    response.setHeader('Cache-Control', request.path === '/' ? 'no-cache' : 'public, max-age=31536000, immutable');
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

/**
 * Nothing but our own files and this origin; what is dropped or answered is played and shown from
 * memory (blob:).
 */
const headers = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' blob: data:",
    "media-src 'self' blob:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
} as const;
