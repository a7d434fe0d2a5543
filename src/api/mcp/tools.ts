import { requestTools } from './request-tools.ts';
import { storeTools } from './store-tools.ts';
import type { Tool } from './tool.ts';
import { traceTools } from './trace-tools.ts';
import { whatIfTools } from './what-if-tool.ts';

/** Every tool that an assistant has; docs/assistants.md lists them. */
export const tools: readonly Tool[] = [...requestTools, ...traceTools, ...storeTools, ...whatIfTools];
