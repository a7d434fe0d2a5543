import { faultOf } from '../errors.ts';
import { taskKinds } from '../task-kinds.ts';
import type { Meter } from '../telemetry/meter.ts';
import type { Job } from './job.ts';
import type { Standing } from './store-answers.ts';

/** The metrics of jobs: how they ended, and how the queue stands. */
export class JobMetrics {
  readonly #meter: Meter;

  constructor(meter: Meter) {
    this.#meter = meter;
    for (const kind of taskKinds) {
      for (const status of ['done', 'cancelled']) this.#meter.counter('jobs').series(kind, status, '');
      this.#meter.counter('jobs').series(kind, 'failed', 'server');
      this.#meter.histogram('jobSeconds').series(kind);
    }
  }

  ended({ request, state, failure, createdMs, endedMs }: Job): void {
    const fault = state === 'failed' && failure !== undefined ? faultOf(failure.code) : '';
    this.#meter.counter('jobs').series(request.kind, state, fault).value += 1;
    this.#meter
      .histogram('jobSeconds')
      .series(request.kind)
      .record(((endedMs ?? createdMs) - createdMs) / 1000);
  }

  /** The gauges: one question to the store at each collection. */
  observe(standing: () => Promise<Standing | undefined>): void {
    this.#meter.observe(async (observe) => {
      const kinds = (await standing())?.kinds;
      if (!kinds) return;
      for (const kind of taskKinds) {
        const { waiting = 0, running = 0, oldestMs } = kinds.find((each) => each.kind === kind) ?? {};
        observe('jobsWaiting', waiting, kind);
        observe('jobsRunning', running, kind);
        observe('jobsOldest', (oldestMs ?? 0) / 1000, kind);
      }
      observe(
        'processingQueue',
        kinds.reduce((total, { waiting }) => total + waiting, 0),
        'jobs',
      );
      observe(
        'processingWorkers',
        kinds.reduce((total, { running }) => total + running, 0),
        'job',
      );
    });
  }
}
