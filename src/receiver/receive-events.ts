import type { Context } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { checkJsonShape } from '../http/json/json-shape.ts';
import { say } from '../sentence.ts';
import { log } from '../telemetry/logger.ts';
import { attribute } from '../telemetry/names/names.ts';
import type { Receive } from './deliveries.ts';
import { type EventLine, eventLine, type MetricLine } from './event-line.ts';
import { firstIssue } from './parse-with.ts';
import type { PushedSeries } from './pushed-series.ts';
import type { ReceiverMetrics } from './receiver-metrics.ts';

/** How many wrong lines an answer names. */
const saidMax = 5;
/** Up to this, whatever stands in a line is parsed at once: a few wrong ones end the reading. */
const uncheckedChars = 4096;
/** Far more than a line has: the schema says what is wrong with it. */
const lineShape = { jsonArraysMax: 64, textsMax: 256, membersMax: 256, remedy: 'send one event a line' };

/**
 * JSON lines from scripts without an SDK: counters, gauges, histogram samples, events. All lines or
 * none: a script that was refused corrects and sends the same again, and nothing counts twice.
 */
export function receiveEvents(parts: { config: Config; series: PushedSeries; metrics: ReceiverMetrics }): Receive {
  const { config, series, metrics } = parts;
  const schema = eventLine(config);
  return ({ body, context }) => {
    const lines = readLines(body.toString('utf8'), schema, config.receiverLinesMax);
    const push = series.prepare(
      lines.filter((line): line is MetricLine => line.kind !== 'event'),
      Date.now(),
    );
    for (const line of lines) if (line.kind === 'event') logEvent(line, context);
    return {
      answer: { accepted: lines.length },
      remember: push.remember,
      done: () => {
        push.apply();
        for (const kind of ['counter', 'gauge', 'histogram', 'event'] as const) {
          metrics.accepted('events', kind, lines.filter((line) => line.kind === kind).length);
        }
      },
    };
  };
}

function readLines(text: string, schema: ReturnType<typeof eventLine>, linesMax: number): EventLine[] {
  // Numbered as the caller sees them; an empty line is no line, the one after the last newline above
  // all.
  const given = text
    .split('\n')
    .map((line, at) => ({ line: line.trim(), number: at + 1 }))
    .filter(({ line }) => line !== '');
  if (given.length === 0) {
    throw new ServiceError(
      'invalid_body',
      say`Cannot take the events: the body has no lines; send one JSON object a line.`,
    );
  }
  if (given.length > linesMax) {
    throw new ServiceError(
      'body_too_large',
      say`Cannot take the events: the body has ${given.length} lines; send at most ${linesMax} at once, or raise VITRINE_RECEIVER_LINES_MAX.`,
    );
  }
  const lines: EventLine[] = [];
  const wrong: string[] = [];
  for (const { line, number } of given) {
    if (line.length > uncheckedChars) checkJsonShape(Buffer.from(line), `line ${number}`, lineShape);
    const read = readLine(line, schema);
    if (typeof read !== 'string') lines.push(read);
    else if (wrong.push(`line ${number}: ${read}`) === saidMax) break;
  }
  if (wrong.length === 0) return lines;
  throw new ServiceError(
    'invalid_body',
    say`Cannot take the events: ${wrong.join('; ')}; nothing was taken, correct it and send all of it again.`,
  );
}

/** The line, or in words what is wrong with it. */
function readLine(line: string, schema: ReturnType<typeof eventLine>): EventLine | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'it is not JSON';
  }
  if (hasPrototypeLabel(value)) return 'labels.__proto__: has to be snake_case';
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : firstIssue(parsed.error);
}

/**
 * The schema leaves this one key out without a word, where every other label that it cannot take is
 * refused.
 */
function hasPrototypeLabel(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('labels' in value)) return false;
  return typeof value.labels === 'object' && value.labels !== null && Object.hasOwn(value.labels, '__proto__');
}

function logEvent(event: Extract<EventLine, { kind: 'event' }>, context: Context): void {
  const labels = Object.entries(event.labels).map(([name, value]) => [`${attribute.eventLabel}.${name}`, value]);
  log(
    'events',
    event.level,
    `Event ${event.name}`,
    {
      [attribute.eventType]: 'event',
      [attribute.eventName]: event.name,
      ...(event.message !== '' && { [attribute.eventMessage]: event.message }),
      ...Object.fromEntries(labels),
    },
    context,
  );
}
