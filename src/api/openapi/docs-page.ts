import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import { openApiDocument } from './openapi-document.ts';

/** GET /openapi.json. */
export function openApi({ config }: { config: Config }) {
  return (_request: Request, response: Response): void => {
    response.type('application/json').send(openApiText(config));
  };
}

const texts = new WeakMap<Config, string>();

/**
 * Made once. That holds the event loop for 50 ms or more, so a service makes it before it takes its
 * first request.
 */
export function openApiText(config: Config): string {
  let text = texts.get(config);
  if (text === undefined) {
    text = JSON.stringify(openApiDocument(config));
    texts.set(config, text);
  }
  return text;
}

/** GET /docs: Swagger UI, from this server and from nowhere else. */
export function docsPage(_request: Request, response: Response): void {
  response.setHeader('Content-Security-Policy', policy);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.type('html').send(page);
}

/** GET /docs/<file>: the files of the page, by their names only. */
export function docsFile(request: Request, response: Response): void {
  const { file } = request.params as { file: string };
  response.setHeader('X-Content-Type-Options', 'nosniff');
  if (file === 'start.js') response.type('text/javascript').send(start);
  else if (parts.includes(file)) response.sendFile(join(folder, file), { maxAge: '1h' });
  else throw new ServiceError('not_found', say`Cannot answer: the page has no file of this name; GET /docs shows it.`);
}

const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const parts = ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'];

/**
 * Swagger UI draws its icons from data: addresses; everything else comes from here. Nobody may
 * frame it.
 */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Vitrine API</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="docs"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const start = `SwaggerUIBundle({ url: '/openapi.json', dom_id: '#docs', deepLinking: true, tryItOutEnabled: true, validatorUrl: null });
`;
