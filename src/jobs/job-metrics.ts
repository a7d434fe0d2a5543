import { faultOf } from '../errors.ts';
import { taskKinds } from '../task-kinds.ts';
import type { AggregatedMetric } from '../telemetry/meter/aggregated-metrics.ts';
import { collectAll, HotCounter, HotHistogram } from '../telemetry/meter/hot-series.ts';
import { observableGauge } from '../telemetry/meter/metrics.ts';
import type { Job } from './job.ts';
import type { Standing } from './job-store.ts';

/** What is told of jobs: what ended, and how the queue stands. */
export class JobMetrics {
  readonly #ended = new HotCounter('jobs');
  readonly #seconds = new HotHistogram('jobSeconds');

  constructor() {
    for (const kind of taskKinds) {
      for (const status of ['done', 'cancelled']) this.#ended.series(kind, status, '');
      this.#ended.series(kind, 'failed', 'server');
      this.#seconds.series(kind);
    }
  }

  ended({ request, state, failure, createdMs, endedMs }: Job): void {
    const fault = state === 'failed' && failure !== undefined ? faultOf(failure.code) : '';
    this.#ended.series(request.kind, state, fault).value += 1;
    this.#seconds.series(request.kind).record(((endedMs ?? createdMs) - createdMs) / 1000);
  }

  /** The gauges: asked for at each export. */
  observe(standing: () => Promise<Standing | undefined>): void {
    // Several gauges and one question: whoever is asked first asks for all.
    let asked: { at: number; standing: Promise<Standing | undefined> } | undefined;
    const look = () => {
      if (!asked || performance.now() - asked.at > 500) asked = { at: performance.now(), standing: standing() };
      return asked.standing;
    };
    const byKind = (name: 'jobsWaiting' | 'jobsRunning' | 'jobsOldest', value: (of: Kind | undefined) => number) =>
      observableGauge(name).addCallback(async (gauge) => {
        const kinds = (await look())?.kinds;
        if (!kinds) return;
        for (const kind of taskKinds) gauge.observe(value(kinds.find((each) => each.kind === kind)), { kind });
      });
    byKind('jobsWaiting', (kind) => kind?.waiting ?? 0);
    byKind('jobsRunning', (kind) => kind?.running ?? 0);
    byKind('jobsOldest', (kind) => (kind?.oldestMs ?? 0) / 1000);
    const summed = (
      name: 'processingQueue' | 'processingWorkers',
      labels: Record<string, string>,
      value: (of: Kind) => number,
    ) =>
      observableGauge(name).addCallback(async (gauge) => {
        const kinds = (await look())?.kinds;
        if (kinds)
          gauge.observe(
            kinds.reduce((total, kind) => total + value(kind), 0),
            labels,
          );
      });
    summed('processingQueue', { queue_name: 'jobs' }, ({ waiting }) => waiting);
    summed('processingWorkers', { worker_type: 'job' }, ({ running }) => running);
  }

  collect(): AggregatedMetric[] {
    return collectAll([this.#ended, this.#seconds]);
  }
}

type Kind = Standing['kinds'][number];
