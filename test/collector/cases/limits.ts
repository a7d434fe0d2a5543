import { nowNanoseconds, type PlainMap } from '../otlp-json.ts';
import type { PipelineCase } from '../pipeline-case.ts';

// One record must never cost its neighbours: what a backend would refuse is cut or dropped here.

const point = { startTimeUnixNano: nowNanoseconds(-1000), timeUnixNano: nowNanoseconds(), asInt: '1' };
const numbered = (count: number): PlainMap =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, index]));

export const cases: PipelineCase[] = [
  {
    does: 'drops a span without a trace id',
    signal: 'traces',
    sent: { traceId: '' },
    received: null,
  },
  {
    does: 'drops a span without an id',
    signal: 'traces',
    sent: { spanId: '' },
    received: null,
  },
  {
    does: 'drops a metric without any points',
    signal: 'metrics',
    sent: { name: 'empty' },
    received: null,
  },
  {
    does: 'cuts the attributes of a span beyond 128, and says so',
    signal: 'traces',
    sent: { attributes: numbered(200) },
    received: { attributes: { ...numbered(127), 'telemetry.cut': true } },
  },
  {
    does: 'cuts a long attribute',
    signal: 'traces',
    sent: { attributes: { long: 'x'.repeat(40_000) } },
    received: { attributes: { long: 'x'.repeat(32_768) } },
  },
  {
    does: 'cuts a long log line between two characters, and says so',
    signal: 'logs',
    sent: { body: `${'x'.repeat(196_607)}ä${'y'.repeat(50_000)}` },
    received: { body: `${'x'.repeat(196_607)} [cut by the Collector]`, attributes: { 'telemetry.cut': true } },
  },
  {
    does: 'keeps a log line of 192 KiB whole',
    signal: 'logs',
    sent: { body: 'x'.repeat(196_608) },
  },
  {
    does: 'drops a sum that is neither delta nor cumulative, on the way to Prometheus',
    signal: 'metrics',
    through: 'prometheus',
    sent: { name: 'unspecified', sum: { aggregationTemporality: 0, dataPoints: [point] } },
    received: null,
  },
  {
    does: 'drops an exponential histogram that is too coarse, on the way to Prometheus',
    signal: 'metrics',
    through: 'prometheus',
    sent: {
      name: 'coarse',
      exponentialHistogram: {
        aggregationTemporality: 2,
        dataPoints: [
          {
            startTimeUnixNano: nowNanoseconds(-1000),
            timeUnixNano: nowNanoseconds(),
            count: '1',
            sum: 1,
            scale: -5,
            positive: { offset: 0, bucketCounts: ['1'] },
          },
        ],
      },
    },
    received: null,
  },
  {
    does: 'drops a point of yesterday, and not its neighbour, on the way to Prometheus',
    signal: 'metrics',
    through: 'prometheus',
    sent: { name: 'mixed', gauge: { dataPoints: [{ ...point, timeUnixNano: nowNanoseconds(-86_400_000) }, point] } },
    received: { name: 'mixed', gauge: { dataPoints: [point] } },
  },
  {
    does: 'drops a point of tomorrow, on the way to Prometheus',
    signal: 'metrics',
    through: 'prometheus',
    sent: { name: 'tomorrow', gauge: { dataPoints: [{ ...point, timeUnixNano: nowNanoseconds(86_400_000) }] } },
    received: null,
  },
  {
    does: 'passes a point of six hours ago on to Prometheus',
    signal: 'metrics',
    through: 'prometheus',
    sent: { name: 'late', gauge: { dataPoints: [{ ...point, timeUnixNano: nowNanoseconds(-6 * 3600_000) }] } },
  },
  {
    does: 'drops a metric whose name has neither letter nor digit, on the way to Prometheus',
    signal: 'metrics',
    through: 'prometheus',
    sent: { name: '!!', gauge: { dataPoints: [point] } },
    received: null,
  },
  {
    does: 'takes away a label whose name has neither letter nor digit, on the way to Prometheus',
    signal: 'metrics',
    through: 'prometheus',
    sent: { name: 'labels', gauge: { dataPoints: [{ ...point, attributes: { '!!': 'x', '': 'y', kept: 'z' } }] } },
    received: { name: 'labels', gauge: { dataPoints: [{ ...point, attributes: { kept: 'z' } }] } },
  },
  {
    does: 'moves a stack trace into the line, on the way to Loki',
    signal: 'logs',
    through: 'loki',
    sent: {
      body: 'Cannot run separate',
      attributes: { 'exception.type': 'TypeError', 'exception.stacktrace': 'TypeError: x\n    at run (lane.ts:1:1)' },
    },
    received: {
      body: 'Cannot run separate\nTypeError: x\n    at run (lane.ts:1:1)',
      attributes: { 'exception.type': 'TypeError' },
    },
  },
  {
    does: 'keeps what leads to the request when it cuts attributes, on the way to Loki',
    signal: 'logs',
    through: 'loki',
    sent: { body: 'x', attributes: { ...numbered(100), 'request.id': 'r-1' } },
    received: { body: 'x', attributes: { ...numbered(63), 'request.id': 'r-1' } },
  },
  {
    does: 'keeps the attributes of a line below 64 KB together, on the way to Loki',
    signal: 'logs',
    through: 'loki',
    sent: {
      body: 'x',
      attributes: Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`n${n}`, 'x'.repeat(5000)])),
    },
    received: {
      body: 'x',
      attributes: Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`n${n}`, 'x'.repeat(256)])),
    },
  },
  {
    does: 'drops a line of tomorrow, on the way to Loki',
    signal: 'logs',
    through: 'loki',
    sent: { body: 'tomorrow', timeUnixNano: nowNanoseconds(86_400_000) },
    received: null,
  },
];
