import type { Meter } from '../telemetry/meter.ts';
import type { SampleEntry } from './sample-ledger.ts';

/** The metrics of a run over a dataset: each file once, and the ranking at its end. */
export class DatasetMetrics {
  readonly #meter: Meter;
  readonly #dataset: string;
  readonly #processor: string;

  constructor(meter: Meter, dataset: string, processor: string) {
    this.#meter = meter;
    this.#dataset = dataset;
    this.#processor = processor;
    for (const status of ['success', 'failed', 'excluded', 'skipped'])
      this.#meter.counter('samplesProcessed').series(dataset, processor, status);
    for (const [code, severity] of [
      ['invalid_audio', 'warning'],
      ['media_not_supported', 'warning'],
      ['internal', 'error'],
    ] as const)
      this.#meter.counter('processingErrors').series(dataset, code, severity);
    this.#meter.histogram('processingSeconds').series(dataset, processor);
    if (processor !== 'score') return;
    this.#meter.histogram('qualityScore').series(dataset);
    for (const measure of measureNames) this.#meter.histogram('qualityMeasure').series(dataset, measure);
  }

  done({ status, failure, tookSeconds, scores }: SampleEntry): void {
    this.#meter.counter('samplesProcessed').series(this.#dataset, this.#processor, status).value += 1;
    this.#meter.histogram('processingSeconds').series(this.#dataset, this.#processor).record(tookSeconds);
    if (failure)
      this.#meter
        .counter('processingErrors')
        .series(this.#dataset, failure.code, status === 'failed' ? 'error' : 'warning').value += 1;
    const against = scores?.against_reference;
    const stoi = against?.stoi;
    this.#measured('snr', against?.snr_db);
    this.#measured('si_sdr', against?.si_sdr_db);
    this.#measured('stoi', stoi === null || stoi === undefined ? undefined : 100 * stoi);
    this.#measured('dnsmos', scores?.dnsmos?.overall);
  }

  skipped(count: number): void {
    this.#meter.counter('samplesProcessed').series(this.#dataset, this.#processor, 'skipped').value += count;
  }

  ranked(score: number): void {
    this.#meter.histogram('qualityScore').series(this.#dataset).record(score);
  }

  observe(load: () => { waiting: number; running: number }): void {
    this.#meter.gauge('processingQueue', (observe) => observe(load().waiting, this.#dataset));
    this.#meter.gauge('processingWorkers', (observe) => observe(load().running, `dataset_${this.#processor}`));
  }

  #measured(measure: (typeof measureNames)[number], value: number | null | undefined): void {
    if (value !== null && value !== undefined)
      this.#meter.histogram('qualityMeasure').series(this.#dataset, measure).record(value);
  }
}

const measureNames = ['snr', 'si_sdr', 'stoi', 'dnsmos'] as const;
