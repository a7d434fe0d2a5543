import { join } from 'node:path';
import { perceptron, writeModel } from '../testkit/models/models.ts';
import { type ServiceProcess, startService } from '../testkit/service-process.ts';
import { startStack } from '../testkit/stack.ts';
import { temporaryFolder } from '../testkit/temporary-folder.ts';
import { cpuPerRequest, cpuTimeOf } from './cpu-time.ts';
import { numberOption } from './option.ts';
import { binaryShot } from './shots.ts';
import { medianWithInterval } from './statistics.ts';
import { load } from './wrk.ts';

// What a burst leaves behind: services whose first requests were a thousand at once, beside
// services that began calmly, later and under the same load.
// Usage: node bench/after-a-burst.ts [--processes 3] [--rounds 10] [--seconds 2] [--warm-up 10]

const options = {
  processes: numberOption('processes', 3),
  rounds: numberOption('rounds', 10),
  seconds: numberOption('seconds', 2),
  warmUpSeconds: numberOption('warm-up', 10),
};
const connections = 16;
const firstConnections = { calm: connections, burst: 1_000 };
const shot = binaryShot(64);

await using everything = new AsyncDisposableStack();
const folder = everything.use(await temporaryFolder());
const models = join(folder.path, 'models');
await writeModel(models, 'perceptron', perceptron());
const collector = everything.use(await startStack({ only: ['collector'], env: { VITRINE_BACKENDS: 'file' } }));

const arms = Object.entries(firstConnections).map(([name, first]) => ({
  name,
  first,
  services: [] as ServiceProcess[],
  slices: [] as Slice[],
}));
for (let each = 0; each < options.processes; each += 1)
  for (const { name, first, services } of arms) {
    const service = everything.use(await start(`${name}-${each}`));
    await load(urlOf(service), shot, { connections: first, seconds: 2 });
    await load(urlOf(service), shot, { connections, seconds: options.warmUpSeconds });
    services.push(service);
  }
for (let round = 0; round < options.rounds; round += 1)
  for (const { services, slices } of arms) for (const service of services) slices.push(await slice(service));

console.log(
  '| first requests | CPU µs a request | µs that collections stopped it | bytes that became old |\n|---|---|---|---|',
);
for (const { name, slices } of arms) {
  const of = (kind: keyof Slice) => {
    const { median, from, to } = medianWithInterval(slices.map((each) => each[kind]));
    return `${median.toFixed(1)} (${from.toFixed(1)}–${to.toFixed(1)})`;
  };
  console.log(`| ${name} | ${of('cpuUs')} | ${of('stoppedUs')} | ${of('oldBytes')} |`);
}

/** A request. */
type Slice = { cpuUs: number; stoppedUs: number; oldBytes: number };

async function slice(service: ServiceProcess): Promise<Slice> {
  const before = cpuTimeOf(service.pid);
  const from = service.said().length;
  const { requests } = await load(urlOf(service), shot, { connections, seconds: options.seconds });
  const said = service.said().slice(from);
  const sum = (what: RegExp) => [...said.matchAll(what)].reduce((total, [, number]) => total + Number(number), 0);
  return {
    cpuUs: cpuPerRequest(before, cpuTimeOf(service.pid), requests).all,
    stoppedUs: (sum(/ pause=([\d.]+)/g) * 1000) / requests,
    oldBytes: sum(/ promoted=(\d+)/g) / requests,
  };
}

function start(name: string): Promise<ServiceProcess> {
  return startService({
    NODE_OPTIONS: `--import=${join(import.meta.dirname, 'arms/say-collections.ts')}`,
    VITRINE_MODELS: models,
    VITRINE_DATA: join(folder.path, name),
    OTEL_METRIC_EXPORT_INTERVAL: '10000',
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port('otlpGrpcPort')}`,
  });
}

function urlOf({ url }: ServiceProcess): string {
  return `${url}/v2/models/perceptron/infer`;
}
