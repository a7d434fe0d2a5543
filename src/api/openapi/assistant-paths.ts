import { z } from 'zod';
import { mcpMessage } from '../mcp/mcp-message.ts';
import { failureAnswer, json, jsonBody } from './answers.ts';
import type { DescribedPaths } from './describe-routes.ts';

/** What the protocol itself refuses is answered in its own form. */
const refusal = z.union([failureAnswer, z.looseObject({ jsonrpc: z.literal('2.0'), error: z.looseObject({}) })]);

/** One server-sent event: its data is the answer. */
const answerEvent = z.looseObject({ event: z.literal('message'), data: z.string() });

export function assistantPaths(): DescribedPaths {
  return {
    '/mcp': {
      post: {
        operationId: 'askAsAssistant',
        summary: 'Tools for assistants, by the Model Context Protocol (streamable HTTP, without sessions)',
        tags: ['requests'],
        requestBody: jsonBody('One message of JSON-RPC 2.0.', mcpMessage),
        responses: {
          '200': {
            description: 'The answer: JSON, or one event of a stream.',
            content: {
              'application/json': { schema: z.looseObject({}) },
              'text/event-stream': { schema: answerEvent },
            },
          },
          '202': { description: 'The message was a notification.' },
          '400': json('The message is not what the protocol takes.', refusal),
          '404': json('There is no such method, or VITRINE_MCP is off.', refusal),
        },
        fails: ['not_found'],
      },
    },
  };
}
