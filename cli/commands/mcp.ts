import { readConfig } from '../../src/config.ts';
import { askService, type ServiceOptions } from '../ask-service.ts';

/**
 * Serves the tools for assistants over stdin and stdout, and asks the running service over HTTP. It
 * ends when stdin does.
 */
export async function mcp(options: ServiceOptions): Promise<number> {
  // Only this command needs the SDK.
  const [{ serveStdio }, { makeMcpServer }] = await Promise.all([
    import('@modelcontextprotocol/server/stdio'),
    import('../../src/api/mcp/make-mcp-server.ts'),
  ]);
  const { mcpAnswerCharsMax } = readConfig();
  const ended = new Promise((resolve) => process.stdin.once('close', resolve).once('end', resolve));
  const served = serveStdio(() => makeMcpServer((path, body) => askService(path, options, body), mcpAnswerCharsMax));
  await ended;
  await served.close();
  return 0;
}
