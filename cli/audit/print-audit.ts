import { table } from '../table.ts';
import type { Audit, Book, Hole } from './audit.ts';

/** An audit for a person at a terminal: the verdict, the holes, then every book. */
export function printAudit(audit: Audit): string {
  const { from, to, holes, underWay, books, senders, notes } = audit;
  const parts = [
    `Audit from ${from} to ${to}: ${verdictOf(audit)}`,
    table('Holes', ['what', 'of', 'at', 'from', 'to', 'count', 'why'], linesOf(holes)),
    table(
      'Under way',
      ['what', 'of', 'count', 'why'],
      underWay.map(({ signal, of, count, says }) => [signal ?? '', short(of), numberOf(count), says]),
    ),
    table(
      'Books',
      ['book', 'of', 'at', 'expected', 'found', 'missing', ''],
      books.map((one) => [
        ...[nameOf(one), short(one.of), one.at, numberOf(one.expected), numberOf(one.found)],
        ...[one.unknown === null ? numberOf(one.missing) : '?', one.says],
      ]),
    ),
    table(
      'Processes',
      ['instance', 'service', 'now', 'last export'],
      senders.map(({ instance, job, standing, lastHeard }) => [instance, job, standing, lastHeard]),
    ),
    notes.join('\n'),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function verdictOf({ verdict, holes, books }: Audit): string {
  if (verdict === 'holes') return `${holes.length} ${holes.length === 1 ? 'hole' : 'holes'}.`;
  if (verdict === 'closed') return 'all books close.';
  return `${books.filter(({ unknown }) => unknown !== null).length} of ${books.length} books cannot be opened.`;
}

/** Minutes side by side, of one cause, are one line. */
function linesOf(holes: readonly Hole[]): string[][] {
  const joined: Hole[] = [];
  for (const hole of holes) {
    const last = joined.at(-1);
    const goesOn =
      last !== undefined &&
      last.to === hole.from &&
      nameOf(last) === nameOf(hole) &&
      last.of === hole.of &&
      last.at === hole.at &&
      last.cause === hole.cause;
    if (goesOn) joined[joined.length - 1] = { ...last, to: hole.to, count: last.count + hole.count };
    else joined.push(hole);
  }
  return joined.map((hole) => [
    ...[nameOf(hole), short(hole.of), hole.at, clock(hole.from), clock(hole.to), numberOf(hole.count), hole.says],
  ]);
}

function nameOf({ book, signal }: Pick<Book, 'book' | 'signal'>): string {
  return book === 'telemetry' ? (signal ?? book) : signal === null ? book : `${book} ${signal}`;
}

function short(id: string): string {
  return /^[0-9a-f]{8}-/.test(id) ? id.slice(0, 8) : id;
}

function clock(time: string): string {
  return time.slice(0, 19).replace('T', ' ');
}

function numberOf(value: number | null): string {
  if (value === null) return '–';
  return Number.isInteger(value) ? String(value) : value.toFixed(3);
}
