import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

/** Attributes in OTLP's JSON form. */
type Attributes = Record<string, string>;

type SpanGiven = {
  name: string;
  atMs: number;
  attributes?: Attributes;
  event?: { name: string; attributes: Attributes };
};

/**
 * Sends spans to an OTLP/gRPC port, as the Collector would, at the times given; answers with their
 * trace ids.
 */
export async function sendSpans(
  port: number,
  spans: readonly SpanGiven[],
  resource: Attributes = { 'service.name': 'vitrine' },
): Promise<string[]> {
  const kept = new InMemorySpanExporter();
  const provider = new TracerProvider({
    resource: resourceFromAttributes(resource),
    spanProcessors: [new SimpleSpanProcessor({ exporter: kept })],
  });
  const tracer = provider.getTracer('test');
  for (const { name, atMs, attributes = {}, event } of spans) {
    const span = tracer.startSpan(name, { startTime: atMs, attributes, root: true });
    if (event !== undefined) span.addEvent(event.name, event.attributes, atMs);
    span.end(atMs + 5);
  }
  await provider.forceFlush();
  const finished = kept.getFinishedSpans();
  const request = ProtobufTraceSerializer.serializeRequest(finished);
  if (request === undefined) throw new Error('Cannot send spans: there are none');

  // A pool of its own: the shared one keeps the connection open for seconds after close().
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  try {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(
        '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
        (bytes: Uint8Array) => Buffer.from(bytes),
        (bytes: Buffer) => bytes,
        request,
        new Metadata(),
        { deadline: Date.now() + 20_000 },
        (error) => (error ? reject(error) : resolve()),
      );
    });
  } finally {
    client.close();
  }
  return finished.map((span) => span.spanContext().traceId);
}

/**
 * Sends log lines to an OTLP/HTTP port (`…/v1/logs`); answers with the status and what was said.
 */
export function sendLogs(
  url: string,
  lines: readonly {
    body: string;
    atMs: number;
    severity?: 'INFO' | 'ERROR';
    traceId?: string;
    attributes?: Attributes;
  }[],
  resource: Attributes,
): Promise<{ status: number; text: string }> {
  return post(url, {
    resourceLogs: [
      {
        resource: { attributes: keyValues(resource) },
        scopeLogs: [
          {
            scope: { name: 'test' },
            logRecords: lines.map(({ body, atMs, severity = 'INFO', traceId, attributes = {} }) => ({
              timeUnixNano: nanoseconds(atMs),
              severityText: severity,
              severityNumber: severity === 'INFO' ? 9 : 17,
              body: { stringValue: body },
              attributes: keyValues(attributes),
              ...(traceId === undefined ? {} : { traceId, spanId: traceId.slice(0, 16) }),
            })),
          },
        ],
      },
    ],
  });
}

/** Sends the points of one gauge or cumulative counter to an OTLP/HTTP port (`…/v1/metrics`). */
export function sendPoints(
  url: string,
  metric: { name: string; kind: 'gauge' | 'counter'; unit?: string },
  points: readonly { value: number; atMs: number }[],
  resource: Attributes,
): Promise<{ status: number; text: string }> {
  const dataPoints = points.map(({ value, atMs }) => ({ timeUnixNano: nanoseconds(atMs), asDouble: value }));
  const shape =
    metric.kind === 'gauge'
      ? { gauge: { dataPoints } }
      : { sum: { dataPoints, aggregationTemporality: 2, isMonotonic: true } };
  return post(url, {
    resourceMetrics: [
      {
        resource: { attributes: keyValues(resource) },
        scopeMetrics: [
          { scope: { name: 'test' }, metrics: [{ name: metric.name, unit: metric.unit ?? '', ...shape }] },
        ],
      },
    ],
  });
}

async function post(url: string, body: unknown): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}

function keyValues(attributes: Attributes): { key: string; value: { stringValue: string } }[] {
  return Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));
}

/** As a string: nanoseconds since 1970 do not fit a double. */
function nanoseconds(atMs: number): string {
  return `${BigInt(Math.round(atMs))}000000`;
}
