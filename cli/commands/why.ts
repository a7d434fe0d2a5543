import { StackFailure } from '../../launcher/stack-failure.ts';
import type { flightLine } from '../../src/api/requests/flight-answer.ts';
import type { blameAnswer, whyAnswer } from '../../src/api/requests/why-answer.ts';
import { askService, type ServiceOptions } from '../ask-service.ts';

type Why = ReturnType<typeof whyAnswer>;
type Blame = ReturnType<typeof blameAnswer>;

export type WhyOptions = ServiceOptions & {
  readonly id: string | undefined;
  readonly model?: string;
  readonly minutes: string;
  readonly failed?: boolean;
  readonly json?: boolean;
};

/** Prints why a request took as long as it did, or failed; without an id, of the slowest one. */
export async function why(options: WhyOptions): Promise<number> {
  const id = options.id ?? (await chosen(options));
  const path = `/v1/requests/${encodeURIComponent(id)}`;
  const answer = (await askService(`${path}/why`, options)) as Why;
  const blame = answer.parts.some(({ cause }) => cause === 'lane_wait')
    ? ((await askService(`${path}/blame`, options)) as Blame)
    : undefined;
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ ...answer, blame: blame ?? null }, null, 2)}\n`
      : printWhy(answer, blame),
  );
  return 0;
}

/** The slowest request, or the last one that failed. */
async function chosen({ model, minutes, failed, ...options }: WhyOptions): Promise<string> {
  const which = failed === true ? { failed: '1' } : { slowest: '1' };
  const query = new URLSearchParams({ ...which, minutes, ...(model !== undefined && { model }) });
  const { requests } = (await askService(`/v1/requests?${query}`, options)) as {
    requests: ReturnType<typeof flightLine>[];
  };
  const [first] = requests;
  if (!first)
    throw new StackFailure(
      `Cannot choose a request: none${model === undefined ? '' : ` of ${model}`}${failed === true ? ' that failed' : ''} is remembered of the last ${minutes} minutes; give an id, or more --minutes (up to 60).`,
    );
  return first.trace_id;
}

export function printWhy({ request_id, sentence, took_ms, parts }: Why, blame: Blame | undefined): string {
  const width = Math.max(...parts.map(({ label }) => label.length));
  const lines = parts
    .filter(({ ms }) => ms >= shownShareMin * took_ms)
    .flatMap(({ label, ms, evidence }) => [
      `  ${label.padEnd(width)}  ${ms.toFixed(1).padStart(9)} ms  ${bar(ms / took_ms)}`,
      ...evidence.slice(0, evidenceMax).map(({ says }) => `  ${''.padEnd(width)}  ${says}`),
    ]);
  const held = blame?.holders.slice(0, holdersMax).map(({ id, kind, tenant, model, ms }) => {
    const who = id === null ? (tenant ?? 'another tenant') : `${kind} ${id} (${tenant})`;
    return `  ${ms.toFixed(1).padStart(9)} ms  ${who}, ${model}`;
  });
  return [
    `Request ${request_id}`,
    sentence,
    '',
    ...lines,
    ...(held && held.length > 0 ? ['', 'It waited behind', ...held] : []),
    '',
  ].join('\n');
}

const shownShareMin = 0.005;
const evidenceMax = 2;
const holdersMax = 10;

function bar(share: number): string {
  return '█'.repeat(Math.max(1, Math.round(30 * share)));
}
