import { nowNanoseconds } from '../otlp-json.ts';
import type { PipelineCase } from '../pipeline-case.ts';

// What must arrive unchanged, and what the Collector adds.

export const cases: PipelineCase[] = [
  {
    does: 'passes on a span with everything in it',
    signal: 'traces',
    scope: { name: 'vitrine', attributes: { 'scope.note': 'kept' } },
    receivedScope: { attributes: { 'scope.note': 'kept' } },
    sent: {
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      parentSpanId: '00f067aa0ba902b7',
      traceState: 'vendor=opaque,ot=th:c',
      flags: 257,
      name: 'POST /v2/models/:name/infer',
      kind: 2,
      startTimeUnixNano: '1795257593232172246',
      endTimeUnixNano: '1795257593237172246',
      attributes: {
        'http.route': '/v2/models/:name/infer',
        'http.request.method': 'POST',
        'http.response.status_code': 200,
        'url.path': '/v2/models/separate/infer',
        'inference.model.name': 'separate',
        'error.type': 'queue_full',
        'request.id': '4f8fad5b-4111-4111-8111-411111111111',
        'server.address': '127.0.0.1',
        'stage.ms': [0.4503599627370496, 5.25],
        nested: { shape: [1, 2, 441], dtype: 'FP32' },
        cached: false,
      },
      events: [
        {
          timeUnixNano: '1795257593233172246',
          name: 'exception',
          attributes: { 'exception.type': 'ServiceError', 'exception.message': 'Cannot run: the queue is full' },
        },
      ],
      links: [{ traceId: '5b8efff798038103d269b633813fc60d', spanId: 'eee19b7ec3c1b175' }],
      status: { message: 'Cannot run separate: its queue is full; raise queue_max', code: 2 },
    },
  },
  {
    does: 'passes on a log record with everything in it',
    signal: 'logs',
    sent: {
      timeUnixNano: '1795257593232172246',
      observedTimeUnixNano: '1795257593232172247',
      severityNumber: 9,
      severityText: 'info',
      body: 'GET /v2/models/separate/ready answered 200 in 1.25 ms',
      attributes: {
        event_type: 'http_request',
        'request.id': '0f8fad5b-d9cb-469f-a165-70867728950e',
        logger: 'access',
      },
      traceId: '0af7651916cd43dd8448eb211c80319c',
      spanId: 'b7ad6b7169203331',
      flags: 1,
      eventName: 'http.request',
    },
  },
  {
    does: 'passes on a log body that is a map',
    signal: 'logs',
    sent: { body: { message: 'batch of 8', sizes: [1, 2, 3], took: { run_ms: 12.5 }, ok: true } },
  },
  ...(['sum', 'gauge'] as const).map(
    (kind): PipelineCase => ({
      does: `passes on a ${kind}`,
      signal: 'metrics',
      sent: {
        name: 'http.requests',
        description: 'Requests answered.',
        unit: '{request}',
        [kind]: {
          dataPoints: [
            {
              attributes: { method: 'POST', endpoint: '/v2/models/:name/infer', status: 200 },
              startTimeUnixNano: '1795257593232172246',
              timeUnixNano: '1795257594232172246',
              asInt: '4503599627370496',
            },
          ],
          ...(kind === 'sum' ? { aggregationTemporality: 2, isMonotonic: true } : {}),
        },
      },
    }),
  ),
  {
    does: 'passes on a histogram with its exemplar',
    signal: 'metrics',
    sent: {
      name: 'http.request.duration',
      unit: 's',
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          {
            attributes: { method: 'POST' },
            startTimeUnixNano: '1795257593232172246',
            timeUnixNano: '1795257594232172246',
            count: '3',
            sum: 0.75,
            bucketCounts: ['1', '2'],
            explicitBounds: [0.5],
            min: 0.125,
            max: 0.375,
            exemplars: [
              {
                timeUnixNano: '1795257594232172246',
                asDouble: 0.375,
                traceId: '0af7651916cd43dd8448eb211c80319c',
                spanId: 'b7ad6b7169203331',
              },
            ],
          },
        ],
      },
    },
  },
  {
    does: 'says the environment and the log stream where the sender did not',
    signal: 'logs',
    sent: { body: 'x' },
    resource: { 'service.name': 'vitrine' },
    receivedResource: { 'service.name': 'vitrine', 'deployment.environment.name': 'cases', 'log.stream': 'app' },
  },
  {
    does: 'leaves the environment and the log stream that the sender said',
    signal: 'logs',
    sent: { body: 'x' },
    resource: { 'deployment.environment.name': 'production', 'log.stream': 'audit' },
    receivedResource: { 'deployment.environment.name': 'production', 'log.stream': 'audit' },
  },
  {
    does: 'gives no log stream to spans',
    signal: 'traces',
    sent: {},
    resource: {},
    receivedResource: { 'deployment.environment.name': 'cases' },
  },
  {
    does: 'makes a delta sum cumulative',
    signal: 'metrics',
    sent: {
      name: 'jobs.done',
      sum: {
        aggregationTemporality: 1,
        isMonotonic: true,
        dataPoints: [{ startTimeUnixNano: nowNanoseconds(-1000), timeUnixNano: nowNanoseconds(), asInt: '3' }],
      },
    },
    received: {
      name: 'jobs.done',
      sum: { aggregationTemporality: 2, isMonotonic: true, dataPoints: [{ asInt: '3' }] },
    },
  },
];
