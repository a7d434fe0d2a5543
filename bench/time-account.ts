import { parseArgs } from 'node:util';
import type { flightAnswer } from '../src/api/requests/flight-answer.ts';
import { slow, writeModel } from '../testkit/models/models.ts';
import { OtlpReceiver } from '../testkit/otlp-receiver.ts';
import { startService } from '../testkit/service-process.ts';
import { temporaryFolder } from '../testkit/temporary-folder.ts';
import { waitFor } from '../testkit/wait-for.ts';

// What of a request's time no stage accounts for: the rest as part of the whole, as the flight
// recorder has it, of requests of at least 1 ms.
// Usage: node bench/time-account.ts [--requests 400] [--connections 1,8]

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '400' }, connections: { type: 'string', default: '1,8' } },
});
const requests = Number(values.requests);

await using folder = await temporaryFolder();
await writeModel(folder.path, 'slow', slow());
const receiver = await OtlpReceiver.start();
await using service = await startService({
  VITRINE_DATA: `${folder.path}/data`,
  VITRINE_MODELS: folder.path,
  OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
});

for (const connections of values.connections.split(',').map(Number)) {
  const prefix = `${connections}-at-once`;
  let sent = 0;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (sent < requests) await infer(`${prefix}-${sent++}`);
    }),
  );
  const parts: number[] = [];
  let tookMs = 0;
  for (let at = 0; at < sent; at += 1) {
    const { duration_ms, rest_ms } = await remembered(`${prefix}-${at}`);
    if (duration_ms < 1) continue;
    tookMs += duration_ms;
    parts.push(rest_ms / duration_ms);
  }
  parts.sort((one, other) => one - other);
  const percent = (rank: number) => `${((parts[Math.floor(rank * (parts.length - 1))] ?? 0) * 100).toFixed(3)} %`;
  console.log(
    `${connections} at once: ${parts.length} requests of ${(tookMs / parts.length).toFixed(1)} ms on average; rest: median ${percent(0.5)}, p95 ${percent(0.95)}, most ${percent(1)}`,
  );
}
receiver.stop();

async function infer(id: string): Promise<void> {
  const inputs = [
    { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
    { name: 'iterations', datatype: 'INT64', shape: [], data: [4] },
  ];
  const answer = await fetch(`${service.url}/v2/models/slow/infer`, {
    method: 'POST',
    headers: { 'x-request-id': id },
    body: JSON.stringify({ inputs }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  await answer.arrayBuffer();
}

function remembered(id: string): Promise<ReturnType<typeof flightAnswer>> {
  return waitFor(id, async () => {
    const answer = await fetch(`${service.url}/v1/requests/${id}`);
    return answer.ok && ((await answer.json()) as ReturnType<typeof flightAnswer>);
  });
}
