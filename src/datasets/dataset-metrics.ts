import type { AggregatedMetric } from '../telemetry/meter/aggregated-metrics.ts';
import { collectAll, HotCounter, HotHistogram } from '../telemetry/meter/hot-series.ts';
import { observableGauge } from '../telemetry/meter/metrics.ts';
import type { SampleEntry } from './sample-ledger.ts';

/** What a run over a dataset tells: each file once, and the ranking at its end. */
export class DatasetMetrics {
  readonly #samples = new HotCounter('samplesProcessed');
  readonly #errors = new HotCounter('processingErrors');
  readonly #seconds = new HotHistogram('processingSeconds');
  readonly #score = new HotHistogram('qualityScore');
  readonly #measures = new HotHistogram('qualityMeasure');
  readonly #dataset: string;
  readonly #processor: string;

  constructor(dataset: string, processor: string) {
    this.#dataset = dataset;
    this.#processor = processor;
    for (const status of ['success', 'failed', 'excluded', 'skipped']) this.#samples.series(dataset, processor, status);
    for (const [code, severity] of [
      ['invalid_audio', 'warning'],
      ['media_not_supported', 'warning'],
      ['internal', 'error'],
    ] as const)
      this.#errors.series(dataset, code, severity);
    this.#seconds.series(dataset, processor);
    if (processor !== 'score') return;
    this.#score.series(dataset);
    for (const measure of measureNames) this.#measures.series(dataset, measure);
  }

  done({ status, failure, tookSeconds, scores }: SampleEntry): void {
    this.#samples.series(this.#dataset, this.#processor, status).value += 1;
    this.#seconds.series(this.#dataset, this.#processor).record(tookSeconds);
    if (failure) this.#errors.series(this.#dataset, failure.code, status === 'failed' ? 'error' : 'warning').value += 1;
    const against = scores?.against_reference;
    const stoi = against?.stoi;
    this.#measured('snr', against?.snr_db);
    this.#measured('si_sdr', against?.si_sdr_db);
    this.#measured('stoi', stoi === null || stoi === undefined ? undefined : 100 * stoi);
    this.#measured('dnsmos', scores?.dnsmos?.overall);
  }

  skipped(count: number): void {
    this.#samples.series(this.#dataset, this.#processor, 'skipped').value += count;
  }

  ranked(score: number): void {
    this.#score.series(this.#dataset).record(score);
  }

  observe(load: () => { waiting: number; running: number }): void {
    observableGauge('processingQueue').addCallback((gauge) =>
      gauge.observe(load().waiting, { queue_name: this.#dataset }),
    );
    observableGauge('processingWorkers').addCallback((gauge) =>
      gauge.observe(load().running, { worker_type: `dataset_${this.#processor}` }),
    );
  }

  collect(): AggregatedMetric[] {
    return collectAll([this.#samples, this.#errors, this.#seconds, this.#score, this.#measures]);
  }

  #measured(measure: (typeof measureNames)[number], value: number | null | undefined): void {
    if (value !== null && value !== undefined) this.#measures.series(this.#dataset, measure).record(value);
  }
}

const measureNames = ['snr', 'si_sdr', 'stoi', 'dnsmos'] as const;
