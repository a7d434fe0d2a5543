import type { Context } from '@opentelemetry/api';
import { type LogFields, log } from '../../telemetry/logger.ts';
import { attribute } from '../../telemetry/names/names.ts';

/**
 * What ONNX Runtime writes to stderr: time, then `[W:onnxruntime:<logger>, file.cc:12 Function]
 * message`, in colours.
 */
const itsLine = /\[([VIWEF]):onnxruntime:[^,\]]*, ([^\s\]]+) ([^\]]+)\] (.*)$/;
const levels = { V: 'debug', I: 'debug', W: 'warn', E: 'error', F: 'error' } as const;

/** Lines a second, of all lanes together; the others are counted in the next one. */
const perSecondMax = 10;
const charsMax = 1000;

let second = 0;
let leftInSecond = 0;
let unsaid = 0;

/**
 * A line of a lane's process: ONNX Runtime's own lines are logged by severity, others as warnings.
 */
export function logLaneLine(model: string, lane: string, line: string): void {
  const [, severity, source, func, message] = itsLine.exec(withoutColours(line)) ?? [];
  if (severity !== undefined && source !== undefined && func !== undefined && message !== undefined)
    record(levels[severity as keyof typeof levels], model, lane, message, {
      [attribute.onnxSource]: source,
      [attribute.onnxFunction]: func.slice(0, 200),
    });
  else record('warn', model, lane, withoutColours(line), {});
}

/**
 * A failed run, logged with its request; `contextOf` stores the trace, and is called only for a
 * logged line.
 */
export function logRunFailure(message: string, fields: LogFields, contextOf: () => Context): void {
  if (!mayLog()) return;
  log('app', 'warn', withoutValues(message), { event_type: 'run_failed', ...fields, ...takeUnsaid() }, contextOf());
}

function record(
  level: 'debug' | 'warn' | 'error',
  model: string,
  lane: string,
  message: string,
  fields: Record<string, string>,
): void {
  if (!mayLog()) return;
  log('app', level, `ONNX Runtime on ${lane}: ${withoutValues(message)}`, {
    event_type: 'onnx_message',
    model,
    lane,
    ...fields,
    ...takeUnsaid(),
  });
}

function mayLog(): boolean {
  const now = Math.floor(performance.now() / 1000);
  if (now !== second) {
    second = now;
    leftInSecond = perSecondMax;
  }
  if (leftInSecond === 0) {
    unsaid += 1;
    return false;
  }
  leftInSecond -= 1;
  return true;
}

function takeUnsaid(): LogFields {
  const lines = unsaid;
  unsaid = 0;
  return lines > 0 ? { lines_unsaid: lines } : {};
}

/**
 * ONNX Runtime's messages repeat values: an index that is out of bounds, a text that is no number.
 * Inputs belong into no line, so numbers that stand by themselves become #, and what it quotes
 * behind `Status Message` is left out. Names of nodes and operators stay, and so do shapes, as in
 * {1,3}.
 */
export function withoutValues(message: string): string {
  const [head = '', ...status] = message.slice(0, charsMax).split('Status Message:');
  const tail = status.join('Status Message:').replace(/(['"`]).*?\1/g, '$1…$1');
  return (status.length === 0 ? head : `${head}Status Message:${tail}`).replace(
    /(\{[\d, -]*\})|(?<![A-Za-z_0-9])[-+]?(?:\d[\d.]*(?:e[-+]?\d+)?|inf\b|nan\b)/gi,
    (_, shape: string | undefined) => shape ?? '#',
  );
}

function withoutColours(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with a control character
  return line.replace(/\u001b\[[0-9;]*m/g, '');
}
