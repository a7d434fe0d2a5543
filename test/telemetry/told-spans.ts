import { trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor } from '@opentelemetry/sdk-trace';
import { FinishedReadableSpan } from '../../src/telemetry/export/readable-span.ts';
import { setSpanSink } from '../../src/telemetry/spans.ts';

/** The SDK with a place to look at exported spans, for one describe(). */
export function tellSpansHere(): { spans(): ReadableSpan[] } {
  const told = new InMemorySpanExporter();
  let sdk: NodeSDK | undefined;
  before(() => {
    sdk = new NodeSDK({
      autoDetectResources: false,
      instrumentations: [],
      logRecordProcessors: [],
      metricReaders: [],
      spanProcessors: [new SimpleSpanProcessor({ exporter: told })],
    });
    sdk.start();
    const resource = resourceFromAttributes({});
    setSpanSink({
      add: (span, context) => told.export([new FinishedReadableSpan(span, context, resource)], () => undefined),
    });
  });
  after(async () => {
    setSpanSink(undefined);
    await sdk?.shutdown();
    trace.disable();
  });
  beforeEach(() => told.reset());
  return { spans: () => told.getFinishedSpans() };
}
