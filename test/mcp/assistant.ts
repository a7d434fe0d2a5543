import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';

/** An assistant, as the SDK's own client is one. */
export type Assistant = AsyncDisposable & {
  readonly client: Client;
  /** The text of a tool's answer; throws where the tool failed. */
  use(tool: string, given?: Record<string, unknown>): Promise<string>;
  /** The same as JSON. */
  ask<Answer>(tool: string, given?: Record<string, unknown>): Promise<Answer>;
  /** What a tool says of its failure. */
  refusal(tool: string, given?: Record<string, unknown>): Promise<string>;
};

/** `isModern`: by the protocol of 2026 without a handshake, else by the one of 2025. */
export function assistantOverHttp(url: string, { key = '', isModern = false } = {}): Promise<Assistant> {
  const headers = key === '' ? {} : { authorization: `Bearer ${key}` };
  return connected(new StreamableHTTPClientTransport(new URL('/mcp', url), { requestInit: { headers } }), isModern);
}

/** Starts `vitrine mcp` and speaks with it over its stdin and stdout. */
export function assistantOverStdio(url: string, env: NodeJS.ProcessEnv = {}): Promise<Assistant> {
  const program = join(import.meta.dirname, '../../cli/command-line.ts');
  return connected(
    new StdioClientTransport({
      command: process.execPath,
      args: [program, 'mcp', '--url', url],
      env: env as Record<string, string>,
      stderr: 'inherit',
    }),
    false,
  );
}

async function connected(
  transport: StreamableHTTPClientTransport | StdioClientTransport,
  isModern: boolean,
): Promise<Assistant> {
  const client = new Client({ name: 'test', version: '1' }, isModern ? { versionNegotiation: { mode: 'auto' } } : {});
  await client.connect(transport);
  const call = async (tool: string, given: Record<string, unknown>) => {
    const { content, isError } = await client.callTool({ name: tool, arguments: given });
    const [first] = content;
    assert.ok(first?.type === 'text' && content.length === 1);
    return { text: first.text, isError: isError === true };
  };
  const use = async (tool: string, given: Record<string, unknown> = {}) => {
    const { text, isError } = await call(tool, given);
    if (isError) throw new Error(text);
    return text;
  };
  return {
    client,
    use,
    ask: async (tool, given) => JSON.parse(await use(tool, given)),
    refusal: async (tool, given = {}) => {
      const { text, isError } = await call(tool, given);
      assert.ok(isError, text);
      return text;
    },
    [Symbol.asyncDispose]: () => client.close(),
  };
}
