import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { McpHttpHandler } from '@modelcontextprotocol/server';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { readJsonBody } from '../../http/json/read-json-body.ts';
import { leftSignal } from '../../http/while-open.ts';
import { ours, say } from '../../sentence.ts';
import { mcpMessage } from './mcp-message.ts';
import type { OwnAnswer, OwnRoutes } from './own-routes.ts';
import type { Ask } from './tool.ts';

/**
 * POST /mcp: tools for assistants, by the Model Context Protocol over streamable HTTP, without
 * sessions. Each tool asks the service's own routes in the caller's name.
 */
export function serveMcp({ config, bodies, own }: { config: Config; bodies: BodyReader; own: () => OwnRoutes }) {
  const asking = new WeakMap<globalThis.Request, Ask>();
  let handler: Promise<McpHttpHandler> | undefined;
  return async (request: Request, response: Response): Promise<void> => {
    if (!config.mcpOn)
      throw new ServiceError('not_found', say`Cannot answer assistants: their tools are off; set VITRINE_MCP to true.`);
    const parsedBody = readMessage(await readJsonBody(bodies, request));
    const signal = leftSignal(response);
    handler ??= openHandler(asking, config.mcpAnswerCharsMax);
    const { fetch } = await handler;
    const asked = new globalThis.Request('http://localhost/mcp', {
      method: 'POST',
      headers: headersOf(request),
      signal,
    });
    asking.set(asked, async (path, body) =>
      answered(await own().ask(request, path, { ...(body && { body }), signal })),
    );
    await send(await fetch(asked, { parsedBody }), response);
  };
}

function readMessage(given: unknown): object {
  const parsed = mcpMessage.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  // Its own message would repeat the caller's name of the field.
  const problem =
    issue?.code === 'unrecognized_keys' ? 'it has a field that such messages have not' : (issue?.message ?? '');
  throw new ServiceError('invalid_body', say`Cannot answer this message: ${ours(problem)}; send one of JSON-RPC 2.0.`);
}

/** The SDK is loaded when the first assistant comes. */
async function openHandler(asking: WeakMap<globalThis.Request, Ask>, charsMax: number): Promise<McpHttpHandler> {
  const [{ createMcpHandler }, { makeMcpServer }] = await Promise.all([
    import('@modelcontextprotocol/server'),
    import('./make-mcp-server.ts'),
  ]);
  // The list of tools never changes, so there is nothing to subscribe to.
  return createMcpHandler(({ requestInfo }) => makeMcpServer(asking.get(requestInfo!)!, charsMax), {
    maxSubscriptions: 0,
  });
}

/** What the protocol reads of them; every assistant gets the form that it can read anyway. */
function headersOf({ headers }: Request): Record<string, string> {
  const given = Object.entries(headers).filter(([name]) => name.startsWith('mcp-'));
  return {
    ...(Object.fromEntries(given) as Record<string, string>),
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
  };
}

function answered({ status, headers, body }: OwnAnswer): unknown {
  const text = body.toString();
  const isJson = headers['content-type']?.includes('json') === true;
  if (status < 400) return isJson ? JSON.parse(text) : text;
  throw new Error(isJson ? (JSON.parse(text) as { error: string }).error : `The service answered ${status}.`);
}

async function send(answer: globalThis.Response, response: Response): Promise<void> {
  response.status(answer.status);
  for (const name of ['content-type', 'mcp-protocol-version', 'mcp-session-id'])
    if (answer.headers.has(name)) response.setHeader(name, answer.headers.get(name)!);
  if (answer.body === null) response.end();
  else
    await pipeline(Readable.fromWeb(answer.body as ReadableStream), response).catch((error: unknown) => {
      // A caller who left is nobody's failure.
      if (!response.destroyed) throw error;
    });
}
