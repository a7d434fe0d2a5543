import type { GrpcStatus } from '../../errors.ts';
import type { Ids } from '../../telemetry/ids.ts';
import type { HistogramSeries, Meter } from '../../telemetry/meter.ts';
import { spansAreExported } from '../../telemetry/spans.ts';

/** Calls by the conventions for RPCs, beside what is counted of every request. */
export class RpcMetrics {
  readonly #meter: Meter;
  readonly #series = new Map<string, HistogramSeries>();

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  /** `kept`: the ids of its span, where its trace is kept. */
  ended(method: string, status: GrpcStatus, tookMs: number, kept: Ids | undefined): void {
    const key = status === 'OK' ? method : `${method} ${status}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      series = this.#meter.histogram('rpcSeconds').series(method, status);
      this.#series.set(key, series);
    }
    series.record(tookMs / 1000);
    if (kept !== undefined && spansAreExported())
      series.exemplify({ value: tookMs / 1000, atMs: Date.now(), traceId: kept.traceId, spanId: kept.spanId });
  }
}
