import type { z } from 'zod';
import type { compareAnswered } from '../../src/api/requests/compare-queries.ts';
import { askService, type ServiceOptions } from '../ask-service.ts';

export type CompareOptions = ServiceOptions & {
  readonly model?: string;
  readonly tenant?: string;
  readonly since?: string;
  readonly failed?: boolean;
  readonly slowest: string;
  readonly minutes: string;
  readonly json?: boolean;
};

/** Prints what parts failed from good, a tenant from others, after from before, slow from rest. */
export async function compare(options: CompareOptions): Promise<number> {
  const { model, minutes, json } = options;
  const body = { minutes: Number(minutes), ...(model !== undefined && { among: { model } }), ...setsOf(options) };
  const answer = (await askService('/v1/requests/compare', options, body)) as z.output<typeof compareAnswered>;
  process.stdout.write(json === true ? `${JSON.stringify(answer, null, 2)}\n` : printComparison(answer));
  return 0;
}

function setsOf({ tenant, since, failed, slowest }: CompareOptions): object {
  if (failed === true) return { first: { failed: true }, second: { failed: false } };
  if (tenant !== undefined) return { first: { tenant } };
  if (since !== undefined) return { first: { from: since }, second: { to: since } };
  return { slowest_percent: Number(slowest) };
}

export function printComparison(answer: z.output<typeof compareAnswered>): string {
  const { first, second, differences, slower_than_ms: slower } = answer;
  const which = slower === null ? '' : ` (${slower.toFixed(1)} ms or longer)`;
  const lines = differences.map(({ says, parts }) => `  ${(100 * parts).toFixed(0).padStart(3)} %  ${says}`);
  return [
    `${first.requests} requests${which} against ${second.requests}:`,
    ...(lines.length === 0 ? ['  Nothing parts them but chance.'] : lines),
    '',
  ].join('\n');
}
