import type { Request, Response } from 'express';
import type { BatchFacts } from '../src/engine/inference.ts';
import { beginTrace } from '../src/http/trace-request.ts';
import { Cost } from '../src/observe/cost.ts';
import { FlightRecorder } from '../src/observe/flight/flight-recorder.ts';
import { TraceKeeper } from '../src/observe/keep-trace.ts';
import { ModelUses } from '../src/observe/model-uses.ts';
import { RequestMetrics } from '../src/observe/request-metrics.ts';
import type { RequestTrace } from '../src/observe/request-trace.ts';
import { Meter } from '../src/telemetry/meter.ts';

// The CPU time of what is recorded of a request, in a loop by itself, and of the texts in its
// answer's head; none is kept. Usage: node bench/request-loop.ts [off]

const meter = new Meter();
const metrics = new RequestMetrics(meter);
const cost = new Cost(meter);
const flights = new FlightRecorder({ recordsMax: 10_000, batchesMax: 10_000, minutesMax: 60 });
const uses = new ModelUses({ metrics, cost, flights });
const keeper = new TraceKeeper({
  firstPerSecond: 0,
  slowMs: 1e9,
  forcedPerSecond: 0,
  troublePerSecond: 1,
  sharePercent: 25,
  settings: () => ({ trace_level: ['OFF'], trace_rate: 1, trace_count: 0 }),
});
const tracing =
  process.argv[2] === 'off'
    ? undefined
    : { scheme: 'http' as const, metrics, keeper, table: flights.table, flights, uses };
const servedBy = {
  name: 'm',
  version: '1',
  threads: { lanes: 1, laneKind: 'thread' as const, intraOpThreads: 1, interOpThreads: 1 },
};
const head = Buffer.alloc(4096);
const batchOf = 8;
let batches = 0;
let bytes = 0;

class Answer {
  writableFinished = true;
  headersSent = true;
  statusCode = 200;
  close: () => void = () => undefined;
  on(_: string, close: () => void) {
    this.close = close;
  }
}

function loop(count: number): void {
  for (let made = 0; made < count; made += batchOf) {
    const answers: Answer[] = [];
    const traces: RequestTrace[] = [];
    for (let at = 0; at < batchOf; at += 1) {
      const request = {
        method: 'POST',
        headers: { host: 'x', 'content-length': '512' },
        httpVersion: '1.1',
      } as unknown as Request;
      const answer = new Answer();
      const told = beginTrace(tracing, request, answer as unknown as Response);
      told.route = '/v2/models/:model/infer';
      told.servedBy = servedBy;
      told.row?.mark('receive');
      told.row?.arrived(performance.now(), at, 64 * at, 1, 0.25, 1, 64);
      answers.push(answer);
      traces.push(told);
    }
    batches += 1;
    const now = performance.now();
    const facts: BatchFacts = {
      id: batches,
      model: 'm',
      version: '1',
      inputs: 8,
      rows: 8,
      rowsMax: 64,
      paddingBytes: 0,
      paddingShare: 0,
      tookShortcut: true,
      closedBy: 'idle',
      lane: 'event-loop',
      provider: 'cpu',
      sessionMs: 0.1,
      cpuMs: 0.1,
      gpu: undefined,
      outputBytes: 256,
      startedAt: now,
      endedAt: now + 0.1,
      outcome: 'ran',
    };
    for (const told of traces) told.row?.batchEnded(facts);
    for (const told of traces) {
      told.row?.markEngine({
        enqueuedAt: told.row.startedAt,
        queueMs: 0.01,
        assembleMs: 0.02,
        runMs: 0.1,
        splitMs: 0.01,
        answeredAt: performance.now(),
      });
      const { ids, requestId, row } = told;
      row?.mark('encode');
      const timing = row ? `Server-Timing: ${row.serverTiming()}\r\n` : '';
      const lines = `X-Request-Id: ${requestId}\r\ntraceresponse: 00-${ids.traceId}-${ids.spanId}-01\r\n${timing}`;
      bytes += head.write(lines, 0, 'latin1');
    }
    for (const answer of answers) answer.close();
  }
}

const each = 200_000;
loop(each);
const took: number[] = [];
for (let round = 0; round < 12; round += 1) {
  const { user } = process.cpuUsage();
  loop(each);
  took.push(((process.cpuUsage().user - user) * 1000) / each);
}
took.sort((one, other) => one - other);
console.log(
  `${took[0]!.toFixed(0)} ns least, ${took[took.length >> 1]!.toFixed(0)} ns median of ${took.length} rounds (${bytes})`,
);
