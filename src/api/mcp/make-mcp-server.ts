import { McpServer } from '@modelcontextprotocol/server';
import { version } from '../../version.ts';
import { boundAnswer } from './bound-answer.ts';
import type { Ask, Tool } from './tool.ts';
import { tools } from './tools.ts';

const instructions =
  'Vitrine is an inference server that remembers its last requests and why each took as long as it did. Begin with alerts or find_requests; ask why about one request; then blame, compare, trace, logs or metrics for the evidence. All tools only read.';

/** A server of the Model Context Protocol with all tools, each of which asks by `ask`. */
export function makeMcpServer(ask: Ask, answerCharsMax: number): McpServer {
  const server = new McpServer({ name: 'vitrine', title: 'Vitrine', version }, { instructions });
  for (const each of tools) addTool(server, each, ask, answerCharsMax);
  return server;
}

function addTool(server: McpServer, { name, title, description, input, answer }: Tool, ask: Ask, charsMax: number) {
  server.registerTool(
    name,
    { title, description, inputSchema: input, annotations: { readOnlyHint: true, openWorldHint: false } },
    async (given) => {
      try {
        return { content: [{ type: 'text', text: boundAnswer(await answer(given, ask), charsMax) }] };
      } catch (error) {
        return { content: [{ type: 'text', text: (error as Error).message }], isError: true };
      }
    },
  );
}
