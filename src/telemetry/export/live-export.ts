import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { type OtlpRequest, requestBytesMax } from './otlp-requests.ts';
import { type OtlpSender, outcomeOfFailure, type SendOutcome } from './otlp-sender.ts';
import type { PartialSuccess } from './partial-success.ts';
import type { Signal } from './signals.ts';

/** The first attempt to get new items to the Collector: one, without a retry. */
export type LiveExport<Items> = {
  send(items: Items, count: number): Promise<SendOutcome>;
  shutdown(): Promise<void>;
};

/** One of the official OTLP/gRPC exporters. */
export type OfficialExporter<Items> = {
  export(items: Items, onResult: (result: ExportResult) => void): void;
  shutdown(): Promise<void>;
};

/** By the official exporter, which serializes the items by itself. */
export function byExporter<Items>(
  exporter: OfficialExporter<Items>,
  { signal, partialSuccess }: { signal: Signal; partialSuccess: PartialSuccess },
): LiveExport<Items> {
  return {
    send: (items, count) =>
      new Promise((resolve) => {
        partialSuccess.forget(signal);
        exporter.export(items, (result) => {
          if (result.code === ExportResultCode.SUCCESS)
            resolve({ state: 'exported', ...partialSuccess.take(signal, count) });
          else resolve(outcomeOfFailure(result.error));
        });
      }),
    shutdown: () => exporter.shutdown(),
  };
}

/** By our own sender, for what is bytes already. */
export function bySender(sender: OtlpSender): LiveExport<readonly OtlpRequest[]> {
  return {
    send: async ([request, ...others]) => {
      // Several requests would have several fates: they go by way of the disk, each by itself.
      if (!request || others.length > 0 || request.bytes.length > requestBytesMax)
        return { state: 'failed', reason: 'it takes more than one request' };
      return sender.send(request.bytes);
    },
    shutdown: async () => sender.close(),
  };
}
