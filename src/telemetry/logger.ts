import type { Context } from '@opentelemetry/api';
import { OpenTelemetryTransportV3 } from '@opentelemetry/winston-transport';
import winston from 'winston';
import { callSite } from './call-site.ts';
import { attributeNames } from './names.ts';

/**
 * Who writes the line. `access` and `events` go to the same stream as `app`; audit and security have streams, retention and readers of their own.
 * `events` are told on others’ behalf (alerts, release marks): LOG_LEVEL, which is about our own lines, must not lose them.
 */
export const loggerNames = ['app', 'access', 'events', 'security', 'audit'] as const;
export type LoggerName = (typeof loggerNames)[number];

export const logStreams = ['app', 'security', 'audit'] as const;
export type LogStream = (typeof logStreams)[number];

export type LogFields = Record<string, string | number | boolean | undefined>;

// The transport reads a record's trace from this property; without it, it would take the context that happens to be active.
const contextOfRecord = Symbol.for('opentelemetry.js.contrib.winston.context');

const severities = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof severities)[number];

// Winston asks the transports for their level, not the logger; these two are shared by all loggers. So they take everything, and log() decides.
const everyLevel = 'debug';
const leastSevere = Object.fromEntries(loggerNames.map((name) => [name, 'info'])) as Record<LoggerName, LogLevel>;

const toTerminal = new winston.transports.Console({
  level: everyLevel,
  stderrLevels: ['error', 'warn', 'info', 'debug'],
  format: winston.format.printf(
    ({ level, message, logger }) => `${new Date().toISOString().slice(11, 19)} ${level} ${logger} ${message}`,
  ),
});

// Made once for all loggers: the one way for log records to leave the service.
const toCollector = new OpenTelemetryTransportV3({ level: everyLevel });

/** By default each line is made JSON, which nobody reads: the terminal has a format of its own, and the Collector gets the record. */
const asItIs = winston.format((record) => record)();

const loggers = Object.fromEntries(
  loggerNames.map((name) => [
    name,
    winston.createLogger({
      level: everyLevel,
      format: asItIs,
      defaultMeta: { [attributeNames.logger.name]: name },
      // Every request has an access line, and scripts may push thousands of events; at a terminal they would bury the rest.
      transports: name === 'access' || name === 'events' ? [toCollector] : [toTerminal, toCollector],
    }),
  ]),
) as Record<LoggerName, winston.Logger>;

/** Writes one line. The message is a sentence of ours; what came from outside belongs into no line but as a bounded, checked field. */
export function log(
  logger: LoggerName,
  level: LogLevel,
  message: string,
  fields: LogFields = {},
  context?: Context,
): void {
  if (severities.indexOf(level) > severities.indexOf(leastSevere[logger])) return;
  const where = level === 'error' || level === 'warn' ? whereWritten(logger) : undefined;
  const told = where ? { ...where, ...fields } : fields;
  loggers[logger].log(level, message, context ? { ...told, [contextOfRecord]: context } : told);
}

/** Access lines are written in one place, and what is told on others' behalf was written elsewhere. */
function whereWritten(logger: LoggerName): LogFields | undefined {
  return logger === 'access' || logger === 'events' ? undefined : callSite(log);
}

export function setLogLevel(logger: LoggerName, level: LogLevel): void {
  leastSevere[logger] = level;
}

/** For a command that has a terminal to itself: what is logged goes to the Collector only. */
export function silenceTerminal(): void {
  toTerminal.silent = true;
}

/**
 * For a process that goes on when nobody reads its console any more: the lines go to the Collector only. Each write would be an uncaught error otherwise, and
 * the line that tells of it the next.
 */
export function outliveTerminal(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (toTerminal.silent) return;
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
