import { fileURLToPath } from 'node:url';
import { attribute } from '../names/names.ts';

const sources = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Where a line was written: file, function and line number of who called `written`. It costs a few microseconds, which lines of warnings and errors may.
 * Empty where the place cannot be read.
 */
export function callSite(written: (...any: never[]) => unknown): Record<string, string | number> {
  const { stackTraceLimit } = Error;
  const holder: { stack?: string } = {};
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(holder, written);
  Error.stackTraceLimit = stackTraceLimit;
  const frame = /at (?:(?:async )?(.+?) \()?(?:file:\/\/)?([^()]+):(\d+):\d+\)?$/.exec(holder.stack ?? '');
  const [, name, file, line] = frame ?? [];
  // A path of the machine says nothing to others.
  if (file === undefined || !file.startsWith(sources)) return {};
  return {
    [attribute.codeFile]: file.slice(sources.length),
    [attribute.codeLine]: Number(line),
    ...(name !== undefined && { [attribute.codeFunction]: name }),
  };
}
