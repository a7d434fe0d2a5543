import { taskKinds } from '../tasks/task.ts';
import type { AggregatedMetric } from '../telemetry/aggregated-metrics.ts';
import { HotCounter, HotHistogram } from '../telemetry/hot-series.ts';
import { observableGauge } from '../telemetry/metrics.ts';
import type { Job } from './job.ts';
import type { Standing } from './job-store.ts';

/** What is told of jobs: what ended, and how the queue stands. */
export class JobMetrics {
  readonly #ended = new HotCounter('jobs');
  readonly #seconds = new HotHistogram('jobSeconds');

  constructor() {
    for (const kind of taskKinds) {
      for (const status of ['done', 'failed', 'cancelled']) this.#ended.series(kind, status);
      this.#seconds.series(kind);
    }
  }

  ended({ request, state, createdMs, endedMs }: Job): void {
    this.#ended.series(request.kind, state).value += 1;
    this.#seconds.series(request.kind).record(((endedMs ?? createdMs) - createdMs) / 1000);
  }

  /** The gauges: asked for at each export. */
  observe(standing: () => Promise<Standing>): void {
    // Three gauges and one question: whoever is asked first asks for all.
    let asked: { at: number; standing: Promise<Standing> } | undefined;
    const look = () => {
      if (!asked || performance.now() - asked.at > 500) asked = { at: performance.now(), standing: standing() };
      return asked.standing;
    };
    const of = async (kind: string) => (await look()).kinds.find((each) => each.kind === kind);
    const byKind = (name: 'jobsWaiting' | 'jobsRunning' | 'jobsOldest', value: (of: Kind | undefined) => number) =>
      observableGauge(name).addCallback(async (gauge) => {
        for (const kind of taskKinds) gauge.observe(value(await of(kind)), { kind });
      });
    byKind('jobsWaiting', (kind) => kind?.waiting ?? 0);
    byKind('jobsRunning', (kind) => kind?.running ?? 0);
    byKind('jobsOldest', (kind) => (kind?.oldestMs ?? 0) / 1000);
    const sum = async (value: (of: Kind) => number) =>
      (await look()).kinds.reduce((total, kind) => total + value(kind), 0);
    observableGauge('processingQueue').addCallback(async (gauge) =>
      gauge.observe(await sum(({ waiting }) => waiting), { queue_name: 'jobs' }),
    );
    observableGauge('processingWorkers').addCallback(async (gauge) =>
      gauge.observe(await sum(({ running }) => running), { worker_type: 'job' }),
    );
  }

  collect(): AggregatedMetric[] {
    return [this.#ended.collect(), this.#seconds.collect()];
  }
}

type Kind = Standing['kinds'][number];
