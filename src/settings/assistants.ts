import { flag, integer, type Setting } from './setting.ts';

/** What assistants may ask over the Model Context Protocol. */
export const assistantSettings = {
  mcpOn: flag('VITRINE_MCP', true, 'Off: assistants find no tools at /mcp.'),
  mcpAnswerCharsMax: integer(
    'VITRINE_MCP_ANSWER_CHARS_MAX',
    24_000,
    1_000,
    1_000_000,
    'The longest answer of a tool at /mcp. Lists and texts are shortened to it, and the answer says what was left out.',
  ),
} as const satisfies Record<string, Setting>;
