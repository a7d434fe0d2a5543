import { fileURLToPath } from 'node:url';
import { type Context, trace } from '@opentelemetry/api';
import { OpenTelemetryTransportV3 } from '@opentelemetry/winston-transport';
import winston from 'winston';
import type { EventName } from './names/events.ts';
import { attribute } from './names/names.ts';

/**
 * Who writes the line. `access`, `events` and `metrics` go to the stream `app`. Audit and security
 * have their own streams, retention and readers.
 * `events` are logged on others’ behalf (alerts, release marks): LOG_LEVEL, which is about our own
 * lines, must not drop them.
 */
export const loggerNames = ['app', 'access', 'metrics', 'events', 'security', 'audit'] as const;
export type LoggerName = (typeof loggerNames)[number];

export const logStreams = ['app', 'security', 'audit'] as const;
export type LogStream = (typeof logStreams)[number];

/** A field that says what happened is one of the table of events. */
export type LogFields = {
  [field: string]: string | number | boolean | undefined;
  [attribute.eventType]?: EventName | undefined;
};

// The transport reads a record's trace from this property; without it, it would take the context
// that happens to be active.
const contextOfRecord = Symbol.for('opentelemetry.js.contrib.winston.context');

const severities = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof severities)[number];

// Winston asks the transports for their level, not the logger; these two are shared by all loggers.
// So they take everything, and log() decides.
const everyLevel = 'debug';
const leastSevere = Object.fromEntries(loggerNames.map((name) => [name, 'info'])) as Record<LoggerName, LogLevel>;

/** One line a request, a minute or a pushed event: at a terminal these would bury the rest. */
const bulky: readonly LoggerName[] = ['access', 'events', 'metrics'];
const withoutBulk = winston.format((record) => (bulky.includes(record.logger as LoggerName) ? false : record));

/** For a person: on standard error, without the loggers that write often. */
const asText = new winston.transports.Console({
  level: everyLevel,
  stderrLevels: [...severities],
  format: winston.format.combine(
    withoutBulk(),
    winston.format.printf(
      ({ level, message, logger }) => `${new Date().toISOString().slice(11, 19)} ${level} ${logger} ${message}`,
    ),
  ),
});

/** For programs: every line, one JSON object each, on standard output. */
const asJson = new winston.transports.Console({ level: everyLevel, format: winston.format.printf(jsonLine) });

let onConsole = asText;

function jsonLine(record: winston.Logform.TransformableInfo): string {
  const { level, message, logger, ...fields } = record;
  const context = record[contextOfRecord as unknown as string] as Context | undefined;
  const span = context && trace.getSpanContext(context);
  const ids = span ? { trace_id: span.traceId, span_id: span.spanId } : {};
  return JSON.stringify({ timestamp: new Date().toISOString(), level, logger, message, ...ids, ...fields });
}

// Made once for all loggers: the one way for log records to leave the service.
const toCollector = new OpenTelemetryTransportV3({ level: everyLevel });

/**
 * By default each line is made JSON, which nobody reads: the terminal has a format of its own, and
 * the Collector gets the record.
 */
const asItIs = winston.format((record) => record)();

const loggers = Object.fromEntries(
  loggerNames.map((name) => [
    name,
    winston.createLogger({
      level: everyLevel,
      format: asItIs,
      defaultMeta: { [attribute.logger]: name },
      transports: [asText, toCollector],
    }),
  ]),
) as Record<LoggerName, winston.Logger>;

/**
 * Writes one line. The message is a sentence of ours; what came from outside belongs into no line
 * but as a bounded, checked field.
 */
export function log(
  logger: LoggerName,
  level: LogLevel,
  message: string,
  fields: LogFields = {},
  context?: Context,
): void {
  if (severities.indexOf(level) > severities.indexOf(leastSevere[logger])) return;
  const where = level === 'error' || level === 'warn' ? whereWritten(logger) : undefined;
  const placed = where ? { ...where, ...fields } : fields;
  loggers[logger].log(level, message, context ? { ...placed, [contextOfRecord]: context } : placed);
}

/** Access lines are written in one place, and events come from other processes. */
function whereWritten(logger: LoggerName): LogFields | undefined {
  return logger === 'access' || logger === 'events' ? undefined : callSite(log);
}

/**
 * File, function and line of the caller of `written`, for a few microseconds; empty where the place
 * cannot be read.
 */
function callSite(written: (...any: never[]) => unknown): Record<string, string | number> {
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

const sources = fileURLToPath(new URL('..', import.meta.url));

/** What the console shows, from here on: VITRINE_CONSOLE. */
export function setConsole(form: 'text' | 'json'): void {
  const next = form === 'json' ? asJson : asText;
  if (next === onConsole) return;
  for (const logger of Object.values(loggers)) logger.remove(onConsole).add(next);
  onConsole = next;
}

/** A sentence for the console alone: about the telemetry itself, which cannot carry it. */
export function sayOnConsole(sentence: string): void {
  if (onConsole === asText) process.stderr.write(`${sentence}\n`);
  else process.stdout.write(`${jsonLine({ level: 'info', logger: 'app', message: sentence })}\n`);
}

export function setLogLevel(logger: LoggerName, level: LogLevel): void {
  leastSevere[logger] = level;
}

/** For a command that has a terminal to itself: what is logged goes to the Collector only. */
export function silenceTerminal(): void {
  for (const transport of [asText, asJson]) transport.silent = true;
}

/**
 * For a process whose console has gone: its lines go to the Collector only. Otherwise each write
 * would be an uncaught error, and the line about it the next.
 */
export function outliveTerminal(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (onConsole.silent) return;
      silenceTerminal();
      log(
        'app',
        'warn',
        `Nothing can be written to the console any more (${error.code}); lines go to the Collector only`,
        {
          event_type: 'console_lost',
        },
      );
    });
  }
}

export function streamOf(logger: unknown): LogStream {
  return logger === 'audit' || logger === 'security' ? logger : 'app';
}
