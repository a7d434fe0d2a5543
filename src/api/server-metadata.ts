import type { RequestHandler } from 'express';
import { version } from '../version.ts';

/** The Open Inference Protocol's server metadata. Extensions are listed once they are served. */
export function serverMetadata(): RequestHandler {
  return (_request, response) => {
    response.json({ name: 'vitrine', version, extensions: [] });
  };
}
