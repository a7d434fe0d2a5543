import { z } from 'zod';
import type { FlightRecord } from '../../observe/flight/flight-record.ts';
import { isFailed } from '../../observe/flight/flight-record.ts';
import type { Span } from '../../spans-of-time.ts';
import type { OthersSay } from '../processes/others.ts';
import { isoTime, milliseconds } from './flight-answer.ts';
import { filterWords, isInBeside, type RequestFilter } from './request-filter.ts';

// When requests ended and how long they took, counted in the cells of a grid, and by their words.

/** Eight rows a decade, from a tenth of a millisecond to a thousand seconds. */
const rowsADecade = 8;
const leastMs = 0.1;
const rows = 7 * rowsADecade;
const rowBounds = Array.from({ length: rows + 1 }, (_, row) => milliseconds(leastMs * 10 ** (row / rowsADecade)));

const countedWords = filterWords.filter((word) => word !== 'version');
type CountedWord = (typeof countedWords)[number];

/** So many values of a word; the rarest are left out. */
const valuesMax = 100;

const counted = z.object({ requests: z.int(), failed: z.int() });

export const distributionAnswered = z
  .object({
    from: z.string(),
    to: z.string(),
    columns: z.int(),
    row_bounds_ms: z.array(z.number()).describe('One more than there are rows.'),
    requests: z.int().describe('Those that all of the query holds for.'),
    remembered: z.int().describe('All that ended in that time and that you may see.'),
    cells: z.array(counted.extend({ column: z.int(), row: z.int() })),
    values: z
      .record(z.string(), z.array(counted.extend({ is: z.union([z.string(), z.number()]) })))
      .describe('By word, what else it could be with the rest of the query as it is.'),
  })
  .meta({
    example: {
      from: '2026-11-30T04:00:00.000Z',
      to: '2026-11-30T04:15:00.000Z',
      columns: 60,
      row_bounds_ms: [0.1, 0.133],
      requests: 120,
      remembered: 130,
      cells: [{ column: 0, row: 12, requests: 120, failed: 3 }],
      values: { tenant: [{ is: 'studio', requests: 120, failed: 3 }] },
    },
  });
type Answered = z.output<typeof distributionAnswered>;

export class Distribution {
  readonly #span: Span;
  readonly #columns: number;
  readonly #filter: RequestFilter;
  readonly #cells = new Map<number, { requests: number; failed: number }>();
  readonly #values = new Map(countedWords.map((word) => [word, new Map<string | number, Count>()]));
  #requests = 0;
  #remembered = 0;

  constructor(of: { span: Span; columns: number; filter: RequestFilter }) {
    this.#span = of.span;
    this.#columns = of.columns;
    this.#filter = of.filter;
  }

  add(record: FlightRecord): void {
    const endedAt = record.startedAt + record.tookMs;
    const { from, to } = this.#span;
    if (endedAt < from || endedAt >= to) return;
    this.#remembered += 1;
    if (!isInBeside(record, this.#filter)) return;
    const others = filterWords.filter(
      (word) => this.#filter[word] !== undefined && record[word] !== this.#filter[word],
    );
    const failed = isFailed(record);
    // A word that alone does not hold still counts among what it could be.
    for (const word of countedWords)
      if (others.length === 0 || (others.length === 1 && others[0] === word)) this.#count(word, record[word], failed);
    if (others.length > 0) return;
    this.#requests += 1;
    const column = Math.floor(((endedAt - from) / (to - from)) * this.#columns);
    const row = Math.floor(Math.log10(Math.max(leastMs, record.tookMs) / leastMs) * rowsADecade);
    increase(this.#cells, column * rows + Math.min(rows - 1, row), failed);
  }

  answer(): Answered {
    return {
      from: isoTime(this.#span.from),
      to: isoTime(this.#span.to),
      columns: this.#columns,
      row_bounds_ms: rowBounds,
      requests: this.#requests,
      remembered: this.#remembered,
      cells: [...this.#cells].map(([at, count]) => ({ column: Math.floor(at / rows), row: at % rows, ...count })),
      values: Object.fromEntries([...this.#values].map(([word, counts]) => [word, mostFirst(counts)])),
    };
  }

  #count(word: CountedWord, value: string | number | undefined, failed: boolean): void {
    if (value !== undefined) increase(this.#values.get(word)!, value, failed);
  }
}

type Count = { requests: number; failed: number };

/** The sums of several processes. */
export function wholeDistribution(own: Answered, { answers }: OthersSay): Answered {
  const all = [own, ...(answers as Answered[])];
  const cells = new Map<number, Count>();
  for (const { column, row, ...count } of all.flatMap((each) => each.cells)) addTo(cells, column * rows + row, count);
  const values = countedWords.map((word) => {
    const counts = new Map<string | number, Count>();
    for (const { is, ...count } of all.flatMap((each) => each.values[word] ?? [])) addTo(counts, is, count);
    return [word, mostFirst(counts)];
  });
  const total = (of: 'requests' | 'remembered') => all.reduce((sum, each) => sum + each[of], 0);
  return {
    ...own,
    requests: total('requests'),
    remembered: total('remembered'),
    cells: [...cells].map(([at, count]) => ({ column: Math.floor(at / rows), row: at % rows, ...count })),
    values: Object.fromEntries(values),
  };
}

function increase<Key>(counts: Map<Key, Count>, key: Key, failed: boolean): void {
  addTo(counts, key, { requests: 1, failed: failed ? 1 : 0 });
}

function addTo<Key>(counts: Map<Key, Count>, key: Key, { requests, failed }: Count): void {
  const known = counts.get(key);
  if (!known) counts.set(key, { requests, failed });
  else {
    known.requests += requests;
    known.failed += failed;
  }
}

function mostFirst(counts: ReadonlyMap<string | number, Count>) {
  return [...counts]
    .sort(([, one], [, other]) => other.requests - one.requests)
    .slice(0, valuesMax)
    .map(([is, count]) => ({ is, ...count }));
}
