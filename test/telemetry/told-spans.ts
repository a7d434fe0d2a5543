import { trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { PresetIds } from '../../src/telemetry/preset-ids.ts';

/** The SDK with a place to look at what was told, for one describe(). */
export function tellSpansHere(): { spans(): ReadableSpan[] } {
  const told = new InMemorySpanExporter();
  let sdk: NodeSDK | undefined;
  before(() => {
    sdk = new NodeSDK({
      autoDetectResources: false,
      instrumentations: [],
      logRecordProcessors: [],
      metricReaders: [],
      idGenerator: new PresetIds(),
      spanProcessors: [new SimpleSpanProcessor({ exporter: told })],
    });
    sdk.start();
  });
  after(async () => {
    await sdk?.shutdown();
    trace.disable();
  });
  beforeEach(() => told.reset());
  return { spans: () => told.getFinishedSpans() };
}
