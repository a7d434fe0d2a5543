import { z } from 'zod';

/** A message of JSON-RPC 2.0 from an assistant: a question, or, without an id, a notification. */
export const mcpMessage = z
  .strictObject({
    jsonrpc: z.literal('2.0', { error: 'jsonrpc is not "2.0"' }),
    id: z.union([z.string().max(256), z.int()], { error: 'id is no text and no whole number' }).optional(),
    method: z.string({ error: 'method is no text' }).max(256, 'method is longer than 256'),
    params: z.looseObject({}, { error: 'params is no object' }).optional(),
  })
  .meta({
    id: 'McpMessage',
    example: {
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'find_requests', arguments: { order: 'slowest', minutes: 15 } },
    },
  });
