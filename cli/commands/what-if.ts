import type { z } from 'zod';
import { StackFailure } from '../../launcher/stack-failure.ts';
import type { whatIfAnswered } from '../../src/api/what-if/what-if-queries.ts';
import { askService, type ServiceOptions } from '../ask-service.ts';

export type WhatIfOptions = ServiceOptions & {
  readonly model: string;
  readonly minutes: string;
  readonly lanes?: string;
  readonly rows?: string;
  readonly delayUs?: string;
  readonly queue?: string;
  readonly replicas?: string;
  readonly withoutTenant?: string;
  readonly load?: string;
  readonly json?: boolean;
};

type Answer = z.output<typeof whatIfAnswered>;

/** Prints what recorded requests would have met with other settings, beside what they met. */
export async function whatIf(options: WhatIfOptions): Promise<number> {
  const body = {
    model: options.model,
    minutes: numberIn('minutes', options.minutes),
    lanes: numberIn('lanes', options.lanes),
    rows_max: numberIn('rows', options.rows),
    delay_us_max: numberIn('delay-us', options.delayUs),
    queue_inputs_max: numberIn('queue', options.queue),
    replicas: numberIn('replicas', options.replicas),
    without_tenant: options.withoutTenant,
    load: numberIn('load', options.load),
  };
  const answer = (await askService('/v1/what-if', options, body)) as Answer;
  process.stdout.write(options.json === true ? `${JSON.stringify(answer, null, 2)}\n` : printWhatIf(answer));
  return 0;
}

function numberIn(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new StackFailure(`Cannot read --${option}: it is "${text}"; give a number.`);
}

export function printWhatIf({ model, version, from, to, was, unchanged, changed, notes, manifest }: Answer): string {
  const row = (label: string, of: (served: Answer['was']) => string) =>
    `  ${label.padEnd(12)}${[was, unchanged, changed].map((served) => of(served).padStart(14)).join('')}`;
  return [
    `${model} version ${version}, ${was.arrivals} arrivals from ${from} to ${to}`,
    `  ${''.padEnd(12)}${['as it was', 'unchanged', 'as asked'].map((title) => title.padStart(14)).join('')}`,
    row('p50', ({ p50_ms }) => `${p50_ms.toFixed(1)} ms`),
    row('p95', ({ p95_ms }) => `${p95_ms.toFixed(1)} ms`),
    row('p99', ({ p99_ms }) => `${p99_ms.toFixed(1)} ms`),
    row('queue p95', ({ queue_p95_ms }) => `${queue_p95_ms.toFixed(1)} ms`),
    row('answered', ({ answered }) => String(answered)),
    row('refused', ({ refused }) => String(refused)),
    row('too late', ({ expired }) => String(expired)),
    row('batches of', ({ requests_each }) => requests_each.toFixed(1)),
    row('lanes ran', ({ utilisation }) => `${(100 * utilisation).toFixed(0)} %`),
    ...(notes.length > 0 ? ['', ...notes] : []),
    '',
    'In model.json:',
    JSON.stringify(manifest, null, 2),
    '',
  ].join('\n');
}
