import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere, ifThereNow } from '../src/if-there.ts';
import { numberOfPart } from '../src/processes/process-part.ts';
import { type Signal, type StoreName, store } from '../src/stores/stores.ts';
import { itemsIn } from '../src/telemetry/export/spool-entry.ts';
import { readInstanceId } from '../src/telemetry/instance.ts';
import { askPort, type Way } from './ask-port.ts';
import {
  collectorDropped,
  collectorItems,
  heartbeatMetric,
  passingFilters,
  storeCounters,
  type Term,
  termMetric,
  terms,
} from './book-names.ts';

/**
 * What became of the telemetry of a running stack, as its own servers count it. Read from
 * Prometheus, so it is as old as the last export and scrape.
 */
export type Books = {
  signal: Signal;
  /** `vitrine` or `vitrine-receiver`, since its start. */
  senders: readonly SenderAccount[];
  /**
   * What the Collector took, gave up and passed on, since its start; absent while Prometheus cannot
   * ask it.
   */
  collector: { accepted: number; refused: number; dropped: number; queuedBytes: number; sent: number } | undefined;
  /**
   * What the store accepted and then discarded, since its start. `taken` is absent where the store
   * counts in other units; everything is absent while it cannot be asked.
   */
  store: { title: string; counts: { taken: number | undefined; discarded: number } | undefined };
};

/**
 * `isOwn`: it has this data folder; another process that exports to the same Collector does not.
 * `ageSeconds`: how old its account is; absent when it has ended in order. `onDisk`: what waits in
 * its spool at this moment.
 */
export type SenderAccount = { job: string; isOwn: boolean; ageSeconds: number | undefined; onDisk: number } & Record<
  Term,
  number
>;

const signals = ['traces', 'logs', 'metrics'] as const satisfies readonly Signal[];

/** Which store each signal is asked of. */
export type AskedStores = Readonly<Record<Signal, StoreName>>;

/** Where a sender's spool is, in the data folder; the service has one for each of its processes. */
function folderOf(data: string, job: string, instance: string): string | undefined {
  const parts =
    job === 'vitrine'
      ? (ifThereNow(() => readdirSync(data)) ?? []).filter((part) => numberOfPart(part) !== undefined)
      : job === 'vitrine-receiver'
        ? ['receiver']
        : [];
  return parts.find((part) => readInstanceId(join(data, part)) === instance);
}

/** They export every ten seconds: who is silent for so long is not heard. */
const silentSeconds = 60;
/** Whom nothing is heard of for an hour is not asked for. */
const lately = '1h';

const firstFiguresMs = 20_000;

function hasFigures({ senders, collector, store }: Books): boolean {
  return collector !== undefined && store.counts !== undefined && senders.some(({ job }) => job === 'vitrine');
}

export async function readBooks(metrics: Way, data: string, asked: AskedStores): Promise<Books[]> {
  const startedAt = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    const books = await readOnce(metrics, data, asked);
    const elapsedMs = performance.now() - startedAt;
    // An export may be half in Prometheus at that moment; what is missing for good is so a moment
    // later, too.
    const balance = attempt >= 4 || books.every(({ senders }) => senders.every((one) => missingOf(one) === 0));
    // Right after a start the first figures are on their way.
    if (balance && (elapsedMs > firstFiguresMs || books.every(hasFigures))) return books;
    await new Promise((resolve) => setTimeout(resolve, 700));
  }
}

async function readOnce(metrics: Way, data: string, asked: AskedStores): Promise<Books[]> {
  const up = new Set(
    (await ask(metrics, 'up == 1')).flatMap(({ labels }) => (labels.job === undefined ? [] : [labels.job])),
  );
  return Promise.all(signals.map((signal) => booksOf({ metrics, signal, store: asked[signal], data, up })));
}

async function booksOf(of: {
  metrics: Way;
  signal: Signal;
  store: StoreName;
  data: string;
  up: ReadonlySet<string>;
}): Promise<Books> {
  const { metrics, signal, data, up } = of;
  const { taken, discarded } = storeCounters[of.store];
  const items = collectorItems[signal];
  const all = (query: string) => ask(metrics, query).then((samples) => sum(samples.map(({ value }) => value)));
  return {
    signal,
    senders: await readSenders(metrics, signal, data),
    collector: up.has('collector')
      ? {
          accepted: await all(`otelcol_receiver_accepted_${items}_total`),
          refused: await all(`otelcol_receiver_refused_${items}_total`),
          dropped: await all(`{__name__=~"${collectorDropped(signal)}",filter!~"${passingFilters}"}`),
          queuedBytes: await all(`otelcol_exporter_queue_size{data_type="${signal}"}`),
          sent: await all(`otelcol_exporter_sent_${items}_total`),
        }
      : undefined,
    store: {
      title: store(of.store).title,
      counts: up.has(of.store)
        ? {
            taken: taken === undefined ? undefined : await all(taken),
            discarded: sum(await Promise.all(discarded.map((name) => all(name)))),
          }
        : undefined,
    },
  };
}

async function readSenders(metrics: Way, signal: Signal, data: string): Promise<SenderAccount[]> {
  const senders = new Map<string, SenderAccount>();
  // One query is of one moment: asked for one after the other, terms would be of different ones.
  const names = terms.map(termMetric);
  const ofSignal = `last_over_time({__name__=~"${names.join('|')}",signal="${signal}"}[${lately}])`;
  for (const { labels, value } of await ask(metrics, `sum by (__name__, job, instance) (${ofSignal})`)) {
    const term = terms[names.indexOf(labels.__name__ ?? '')];
    if (term) (await accountOf(labels))[term] = value;
  }
  // Its last heartbeat is 0 when it went in order.
  for (const { labels, value } of await ask(metrics, `last_over_time(${heartbeatMetric}[${lately}])`))
    if (value > 0) (await accountOf(labels)).ageSeconds = Math.max(0, Date.now() / 1000 - value);
  return [...senders.values()];

  async function accountOf({ job = '', instance }: Record<string, string>): Promise<SenderAccount> {
    const key = `${job} ${instance}`;
    const known = senders.get(key);
    if (known) return known;
    const folder = folderOf(data, job, instance ?? '');
    const isOwn = folder !== undefined;
    const onDisk = folder ? await itemsOnDisk(join(data, folder, 'spool', signal)) : 0;
    const account = emptyAccount(job, isOwn, onDisk);
    senders.set(key, account);
    return account;
  }
}

async function itemsOnDisk(folder: string): Promise<number> {
  const names = (await ifThere(readdir(folder))) ?? [];
  return sum(names.map(itemsIn));
}

/**
 * Sentences for a person: the sender's ledger, and what arrived behind it. Bad when something is
 * lost, unaccounted for, or unknown.
 */
export function findingsOf({ signal, senders, collector, store }: Books): { good: boolean; text: string }[] {
  return [...senders.map((account) => findingOfSender(signal, account)), findingBehind(signal, collector, store)];
}

function findingOfSender(signal: Signal, account: SenderAccount): { good: boolean; text: string } {
  const { job, isOwn, ageSeconds, onDisk, made, recovered, exported, refused, dropped, memory, spooled } = account;
  const missing = missingOf(account);
  const balance = missing === 0 ? 'the books balance' : `${missing} cannot be accounted for, which is a defect`;
  const isSilent = ageSeconds !== undefined && ageSeconds > silentSeconds;
  const since = ageSeconds === undefined ? 'when it ended' : `${Math.round(ageSeconds)} s ago`;
  // Another process may have been killed, or live elsewhere: its silence is no fault of this stack.
  const silence = isOwn
    ? 'nothing newer has arrived: it is down, or its telemetry does not get through'
    : 'it is not of this data folder, and nothing newer has arrived';
  return {
    good: missing === 0 && refused + dropped === 0 && !(isSilent && isOwn),
    text: [
      `${signal} of ${isOwn ? job : `another ${job}`}, ${since}: ${made} made + ${recovered} recovered = ${exported} exported + ${memory} in memory + ${spooled} spooled + ${refused} refused + ${dropped} dropped`,
      balance,
      ...(onDisk === 0 ? [] : [`on its disk ${onDisk} wait for the Collector now`]),
      ...(isSilent ? [silence] : []),
    ].join('; '),
  };
}

/** From the terms, and not the sender's own word for it, which is one of the metrics. */
function missingOf({ made, recovered, exported, refused, dropped, memory, spooled }: SenderAccount): number {
  return made + recovered - exported - refused - dropped - memory - spooled;
}

function findingBehind(
  signal: Signal,
  collector: Books['collector'],
  { title, counts }: Books['store'],
): { good: boolean; text: string } {
  // Only what Prometheus can ask has figures: without them, nothing is known, and 0 would be a lie.
  const ofCollector = collector
    ? `the Collector took ${collector.accepted} (refused ${collector.refused} with retry), dropped ${collector.dropped}, queues ${collector.queuedBytes} bytes, passed on ${collector.sent}${signal === 'metrics' ? ' with the aliases of compat.yaml' : ''}`
    : 'of the Collector there are no figures now';
  const ofStore = counts
    ? `${title} ${counts.taken === undefined ? '' : `took ${counts.taken} and `}discarded ${counts.discarded}`
    : `of ${title} there are no figures now`;
  return {
    good: collector?.dropped === 0 && counts?.discarded === 0,
    text: `${signal} behind it, each server since its own start: ${ofCollector}; ${ofStore}`,
  };
}

function emptyAccount(job: string, isOwn: boolean, onDisk: number): SenderAccount {
  const none = { made: 0, recovered: 0, exported: 0, refused: 0, dropped: 0, memory: 0, spooled: 0 };
  return { job, isOwn, ageSeconds: undefined, onDisk, ...none };
}

async function ask(metrics: Way, query: string): Promise<{ labels: Record<string, string>; value: number }[]> {
  const path = `/api/v1/query?${new URLSearchParams({ query })}`;
  const { ok, status, text } = await askPort(metrics, path, { timeoutMs: 10_000 });
  if (!ok) throw new Error(`Prometheus answered ${status}: ${text.slice(0, 200)}`);
  const { data } = JSON.parse(text) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
