import { store as storeNamed } from '../../src/stores/stores.ts';
import { CannotAsk, StoreQuestions } from './ask-stores.ts';
import { type Audit, type Book, type Findings, joinFindings, noFindings, timeOf } from './audit.ts';
import type { AuditedStores } from './audited-stores.ts';
import { type CollectedMetrics, collectMetrics } from './collected-metrics.ts';
import { collectorBook } from './collector-book.ts';
import { costBooks } from './cost-books.ts';
import { intervalOf } from './counted.ts';
import { exportsBook } from './exports-book.ts';
import { type JobAsked, jobBook } from './job-book.ts';
import { ledgerBook } from './ledger-book.ts';
import { type Sender, standing } from './senders.ts';
import { storedLines, storedSpans } from './stored-counts.ts';
import { type AuditedTime, type StoredCounts, telemetryBook } from './telemetry-book.ts';

export type AuditOf = {
  readonly stores: AuditedStores;
  readonly fromMs: number;
  readonly toMs: number;
  readonly nowMs: number;
  readonly askJob: JobAsked;
};

/** Points from so long before the time say what had been counted by then. */
const lookbackMs = 15 * 60_000;
/** From a log line to its place in every store: batching, queues, and the stores' own. */
const arrivalMs = 10_000;
const signals = ['traces', 'logs', 'metrics'] as const;

/** Makes all books of a time; throws CannotAsk where no store of metrics answers. */
export async function readAudit({ stores, fromMs, toMs, nowMs, askJob }: AuditOf): Promise<Audit> {
  const questions = new StoreQuestions(stores);
  const [first] = stores.names.metrics;
  if (first === undefined) throw new CannotAsk('VITRINE_BACKENDS names no store of metrics that can be asked');
  const metrics = await collectMetrics(questions, first, fromMs - lookbackMs, nowMs);
  const senders = metrics.senders.filter(({ heartbeats }) => heartbeats.at(-1)![0] >= fromMs);
  const intervalMs = Math.max(0, ...senders.map(({ heartbeats }) => intervalOf(heartbeats.map(([atMs]) => atMs))));
  const closedMs = Math.min(toMs, nowMs - arrivalMs - 2 * intervalMs);
  const time = { fromMs, toMs: closedMs, nowMs };
  const found = joinFindings([
    await telemetryBooks({ questions, stores, metrics, senders, time }),
    ...signals.map((signal) => collectorBook(signal, metrics, time)),
    await jobsOf(questions, stores, time, askJob),
    costBooks({ ...metrics, senders }, time),
  ]);
  const isUnknown = found.books.some(({ unknown }) => unknown !== null);
  return {
    ...{ at: timeOf(nowMs), from: timeOf(fromMs), to: timeOf(closedMs) },
    verdict: found.holes.length > 0 ? 'holes' : isUnknown ? 'unknown' : 'closed',
    senders: senders.map((sender) => ({
      ...{ instance: sender.instance, job: sender.job, standing: standing(sender, nowMs) },
      lastHeard: timeOf(sender.heartbeats.at(-1)![0]),
    })),
    ...found,
    notes: [
      ...(closedMs < toMs
        ? [`What was made after ${timeOf(closedMs)} may still be under way, and is not compared.`]
        : []),
      ...(senders.length === 0 ? ['No process exported telemetry in this time.'] : []),
      ...found.notes,
    ],
  };
}

type Telemetry = {
  readonly questions: StoreQuestions;
  readonly stores: AuditedStores;
  readonly metrics: CollectedMetrics;
  readonly senders: readonly Sender[];
  readonly time: AuditedTime;
};

async function telemetryBooks({ questions, stores, metrics, senders, time }: Telemetry): Promise<Findings> {
  const { names } = stores;
  const all: Findings[] = [];
  for (const counts of [
    ...names.traces.map((name) => storedSpans(questions, name)),
    ...names.logs.map((name) => storedLines(questions, name)),
  ]) {
    if (counts.signal === 'traces' && metrics.collector.samples) all.push(chosenByCollector(counts));
    else
      for (const sender of senders)
        all.push(await asked(counts, sender.instance, () => telemetryBook(sender, counts, metrics, time)));
  }
  for (const name of names.metrics) {
    const ofStore =
      name === names.metrics[0] ? metrics : await collectMetrics(questions, name, time.fromMs - lookbackMs, time.nowMs);
    for (const sender of senders) {
      const same = ofStore.senders.find(({ instance }) => instance === sender.instance);
      if (same) all.push(await exportsBook(same, name, ofStore, time));
    }
  }
  for (const name of names.logs.slice(0, 1))
    all.push(
      await asked({ signal: 'logs', store: name }, 'all senders', () => ledgerBook(questions, name, metrics, time)),
    );
  return joinFindings(all);
}

/** A store that does not answer has a book that cannot be opened. */
async function asked(
  { signal, store }: Pick<StoredCounts, 'signal' | 'store'>,
  of: string,
  make: () => Promise<Findings>,
): Promise<Findings> {
  return make().catch((error: unknown) => {
    if (!(error instanceof CannotAsk)) throw error;
    return { ...noFindings, books: [unopened('telemetry', signal, of, storeNamed(store).title, error.message)] };
  });
}

function chosenByCollector({ store }: StoredCounts): Findings {
  const says =
    'the Collector chooses traces (tail_sampling): what is not stored was left out on purpose, and is not compared';
  const of = { book: 'telemetry', signal: 'traces', of: 'all senders', at: storeNamed(store).title } as const;
  return {
    ...noFindings,
    books: [{ ...of, expected: null, found: null, slack: 0, missing: 0, unknown: null, says }],
  };
}

async function jobsOf(
  questions: StoreQuestions,
  { names }: AuditedStores,
  { fromMs, toMs, nowMs }: AuditedTime,
  ask: JobAsked,
): Promise<Findings> {
  const [logs] = names.logs;
  if (logs === undefined) return noFindings;
  const lines = (event: string, untilMs: number) =>
    questions.lines(logs, `{service_name="vitrine"} | event_type="${event}"`, fromMs, untilMs);
  try {
    const accepted = await lines('job_accepted', toMs);
    return await jobBook(accepted, accepted.length === 0 ? [] : await lines('job_ended', nowMs), ask);
  } catch (error) {
    if (!(error instanceof CannotAsk)) throw error;
    return { ...noFindings, books: [unopened('jobs', null, 'all replicas', 'jobs', error.message)] };
  }
}

function unopened(book: Book['book'], signal: Book['signal'], of: string, at: string, unknown: string): Book {
  return { book, signal, of, at, expected: null, found: null, slack: 0, missing: 0, unknown, says: unknown };
}
