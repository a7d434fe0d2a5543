import type { DiagLogger } from '@opentelemetry/api';
import { rejectedOf } from './otlp-sender.ts';
import type { Signal } from './signals.ts';

const announcement = 'Received Partial Success response:';
const signalOfKey = { rejectedSpans: 'traces', rejectedDataPoints: 'metrics', rejectedLogRecords: 'logs' } as const;

/**
 * How many items of an acknowledged request were rejected. The official exporters report it only to
 * OpenTelemetry's diagnostic logger, just before they report success. So this listens there. A test
 * with a Collector that rejects items fails if a later version differs.
 */
export class PartialSuccess {
  readonly #heard = new Map<Signal, { rejected: number; reason: string }>();

  /** True when the diagnostic message was such an announcement. */
  hear(message: string, rest: unknown[]): boolean {
    if (message !== announcement || typeof rest[0] !== 'string') return false;
    const partialSuccess = JSON.parse(rest[0]) as Record<string, unknown>;
    for (const [key, signal] of Object.entries(signalOfKey)) {
      if (key in partialSuccess) this.#heard.set(signal, rejectedOf({ partialSuccess }));
    }
    return true;
  }

  forget(signal: Signal): void {
    this.#heard.delete(signal);
  }

  take(signal: Signal, count: number): { rejected: number; reason: string } {
    const heard = this.#heard.get(signal);
    this.#heard.delete(signal);
    return heard ? { ...heard, rejected: Math.min(heard.rejected, count) } : { rejected: 0, reason: '' };
  }
}

/**
 * OpenTelemetry's own complaints, for the person at the terminal: never back into the telemetry,
 * where they would feed on themselves.
 */
export function diagnosticLogger(partialSuccess: PartialSuccess, say: (sentence: string) => void): DiagLogger {
  const complain = (message: string, ...rest: unknown[]) => {
    if (!partialSuccess.hear(message, rest)) say(`${message} ${rest.map(String).join(' ')}`.trim());
  };
  const ignore = () => undefined;
  return { error: complain, warn: complain, info: ignore, debug: ignore, verbose: ignore };
}
