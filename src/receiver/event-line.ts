import { z } from 'zod';
import type { Config } from '../config.ts';
import { metricNames } from '../telemetry/names/names.ts';

export type MetricLine = Exclude<EventLine, { kind: 'event' }>;
export type EventLine = z.output<ReturnType<typeof eventLine>>;

/**
 * Prometheus appends the unit to a name; only units with a word of their own are taken, so that
 * what a name becomes is known here.
 */
const unitWords = {
  '': '',
  s: 'seconds',
  ms: 'milliseconds',
  By: 'bytes',
  Cel: 'celsius',
  J: 'joules',
  W: 'watts',
} as const;
const units = Object.keys(unitWords) as (keyof typeof unitWords)[];

const snakeCase = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;

/**
 * One line of /events. Unknown fields are refused: a misspelt one would otherwise be lost in
 * silence.
 */
export function eventLine(config: Config) {
  const name = z
    .string()
    .max(64)
    .regex(snakeCase, 'has to be snake_case')
    .refine((text) => !/_(total|bucket|sum|count|ratio)$/.test(text), 'ends in a suffix that Prometheus adds itself')
    .refine((text) => !reserved.test(text) && !ownNames.has(text), 'is a name that Vitrine uses itself');
  const label = z
    .string()
    .max(48)
    .regex(snakeCase, 'has to be snake_case')
    .refine((text) => !reservedLabels.has(text), 'is a label that Prometheus or Vitrine sets itself');
  const value = z
    .string()
    .max(config.receiverLabelCharsMax)
    // Control characters break lines and terminals, and an empty value is no label to Prometheus: two
    // series would become one.
    .regex(/^\P{Cc}+$/u, 'is empty or has control characters')
    .refine((text) => text.isWellFormed(), 'is not valid Unicode');
  const labels = z
    .record(label, value)
    .refine((given) => Object.keys(given).length <= config.receiverLabelsMax, 'has too many labels')
    .default({});
  const number = z.number().min(-1e18).max(1e18);
  const metric = { name, labels, unit: z.enum(units).default('') };
  const bounds = z
    .array(number)
    .min(1)
    .max(32)
    .refine((given) => given.every((bound, at) => at === 0 || bound > given[at - 1]!), 'has to increase');
  return z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('counter'), ...metric, value: number.min(0).default(1) }),
    z.strictObject({ kind: z.literal('gauge'), ...metric, value: number }),
    z.strictObject({ kind: z.literal('histogram'), ...metric, value: number, buckets: bounds.default(defaultBuckets) }),
    z.strictObject({
      kind: z.literal('event'),
      name,
      labels,
      level: z.enum(['error', 'warn', 'info', 'debug']).default('info'),
      message: z.string().max(2_000).default(''),
    }),
  ]);
}

/**
 * What Prometheus calls the metric, less the suffix of its kind: two metrics with the same must be
 * the same.
 */
export function familyName({ name, unit }: { name: string; unit: keyof typeof unitWords }): string {
  const word = unitWords[unit];
  return word === '' || name.endsWith(`_${word}`) ? name : `${name}_${word}`;
}

const defaultBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

const reserved = /^(vitrine|otel|otelcol|process|nodejs|v8js|system|http|target|scrape|up)(_|$)/;
const ownNames = new Set(Object.values(metricNames).map(({ name }) => name.replaceAll('.', '_')));
const reservedLabels = new Set([
  'job',
  'instance',
  'le',
  'quantile',
  'service_name',
  'service_version',
  'deployment_environment_name',
  'host_name',
  'log_stream',
]);
