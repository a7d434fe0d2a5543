/** What became of the telemetry of a running stack, as its own servers count it. Read from Prometheus, so it is as old as the last export and scrape. */
export type Books = {
  signal: Signal;
  /** `vitrine` or `vitrine-receiver`, since its start. */
  senders: readonly SenderAccount[];
  /** What the Collector took, gave up and passed on, since its start. */
  collector: { accepted: number; refused: number; dropped: number; queuedBytes: number; sent: number };
  /** What the store took and then threw away, since its start; `taken` is absent where it counts in other units. */
  store: { title: string; taken: number | undefined; discarded: number };
};

export type SenderAccount = { job: string } & Record<Term, number>;

const signals = ['traces', 'logs', 'metrics'] as const;
type Signal = (typeof signals)[number];

/** made + recovered = all the others. */
const terms = ['made', 'recovered', 'exported', 'refused', 'dropped', 'memory', 'spooled', 'missing'] as const;
type Term = (typeof terms)[number];

const gauges: readonly Term[] = ['memory', 'spooled', 'missing'];

const hops = {
  traces: {
    inCollector: 'spans',
    title: 'Tempo',
    taken: 'tempo_distributor_spans_received_total',
    discarded: ['tempo_discarded_spans_total'],
  },
  logs: {
    inCollector: 'log_records',
    title: 'Loki',
    taken: 'loki_distributor_lines_received_total',
    discarded: ['loki_discarded_samples_total'],
  },
  metrics: {
    inCollector: 'metric_points',
    title: 'Prometheus',
    // A point of OTLP is one sample or, for a histogram, many.
    taken: undefined,
    discarded: [
      'prometheus_tsdb_too_old_samples_total',
      'prometheus_tsdb_out_of_bound_samples_total',
      'prometheus_tsdb_out_of_order_samples_total',
    ],
  },
} as const;

export async function readBooks(prometheusUrl: string): Promise<Books[]> {
  return Promise.all(signals.map((signal) => booksOf(prometheusUrl, signal)));
}

async function booksOf(url: string, signal: Signal): Promise<Books> {
  const { inCollector, title, taken, discarded } = hops[signal];
  const all = (query: string) => ask(url, query).then((samples) => sum(samples.map(({ value }) => value)));
  const senders = new Map<string, SenderAccount>();
  for (const term of terms) {
    const name = `vitrine_telemetry_${term}${gauges.includes(term) ? '' : '_total'}`;
    for (const { labels, value } of await ask(url, `sum by (job, instance) (${name}{signal="${signal}"})`)) {
      const key = `${labels.job} ${labels.instance}`;
      const account = senders.get(key) ?? emptyAccount(labels.job ?? '');
      account[term] = value;
      senders.set(key, account);
    }
  }
  return {
    signal,
    senders: [...senders.values()],
    collector: {
      accepted: await all(`otelcol_receiver_accepted_${inCollector}_total`),
      refused: await all(`otelcol_receiver_refused_${inCollector}_total`),
      dropped: await all(
        `{__name__=~"otelcol_exporter_(send|enqueue)_failed_${inCollector}_total|otelcol_processor_filter_${filtered[signal]}_filtered_total",filter!~"filter/compat_.*"}`,
      ),
      queuedBytes: await all(`otelcol_exporter_queue_size{data_type="${signal}"}`),
      sent: await all(`otelcol_exporter_sent_${inCollector}_total`),
    },
    store: {
      title,
      taken: taken && (await all(taken)),
      discarded: sum(await Promise.all(discarded.map((name) => all(name)))),
    },
  };
}

const filtered = { traces: 'spans', logs: 'logs', metrics: 'datapoints' } as const satisfies Record<Signal, string>;

/** Two sentences for a person: the sender's books, and what came of it behind. Bad when something is lost or cannot be accounted for. */
export function findingsOf({ signal, senders, collector, store }: Books): { good: boolean; text: string }[] {
  const { accepted, refused, dropped, queuedBytes, sent } = collector;
  return [
    ...senders.map((account) => {
      const { job, made, recovered, exported, memory, spooled } = account;
      const missing = made + recovered - exported - account.refused - account.dropped - memory - spooled;
      const balance = missing === 0 ? 'the books balance' : `${missing} cannot be accounted for, which is a defect`;
      return {
        good: missing === 0 && account.refused + account.dropped === 0,
        text: `${signal} of ${job}: ${made} made + ${recovered} recovered = ${exported} exported + ${memory} in memory + ${spooled} spooled + ${account.refused} refused + ${account.dropped} dropped; ${balance}`,
      };
    }),
    {
      good: dropped + store.discarded === 0,
      text: `${signal} behind it, each server since its own start: the Collector took ${accepted} (told ${refused} to come again), dropped ${dropped}, queues ${queuedBytes} bytes, passed on ${sent}; ${store.title} ${store.taken === undefined ? '' : `took ${store.taken} and `}discarded ${store.discarded}`,
    },
  ];
}

function emptyAccount(job: string): SenderAccount {
  return { job, made: 0, recovered: 0, exported: 0, refused: 0, dropped: 0, memory: 0, spooled: 0, missing: 0 };
}

async function ask(url: string, query: string): Promise<{ labels: Record<string, string>; value: number }[]> {
  const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query })}`, {
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Prometheus answered ${response.status}: ${text.slice(0, 200)}`);
  const { data } = JSON.parse(text) as {
    data: { result: { metric: Record<string, string>; value: [number, string] }[] };
  };
  return data.result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
