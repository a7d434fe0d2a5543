import { table } from '../table.ts';
import type { Summary } from './read-summary.ts';

/** The summary for a person at a terminal: what is wrong stands first. */
export function printSummary(summary: Summary): string {
  const { errors, alerts, minutes, at } = summary;
  const parts = [
    `Vitrine at ${at.slice(11, 19)} UTC, over ${minutes} min: ${verdict(summary)}`,
    table(
      'Alerts',
      ['alert', 'severity', 'about'],
      alerts.map(({ alert, severity, about }) => [alert, severity, about]),
    ),
    serviceSection(summary),
    instancesSection(summary),
    modelsSection(summary),
    table(
      'Errors',
      ['code', 'whose', 'how many'],
      errors.map(({ code, fault, count }) => [code, fault, String(count)]),
    ),
    gpusSection(summary),
    telemetrySection(summary),
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function serviceSection({ service, jobs }: Summary): string {
  return table(
    'Service',
    [
      'instances',
      'requests/s',
      'server failures/s',
      'mistakes/s',
      'left/s',
      'p50',
      'p95',
      'p99',
      'jobs waiting',
      'running',
    ],
    [
      [
        String(service.instances),
        rate(service.requests),
        rate(service.faults),
        rate(service.mistakes),
        rate(service.left),
        seconds(service.p50),
        seconds(service.p95),
        seconds(service.p99),
        String(jobs.waiting),
        String(jobs.running),
      ],
    ],
  );
}

/** One by itself is the service, which stands above. */
function instancesSection({ instances }: Summary): string {
  if (instances.length < 2) return '';
  return table(
    'Instances',
    ['instance', 'last sign', 'requests/s', 'server failures/s', 'p95', 'waiting', 'jobs running'],
    instances.map((one) => [
      one.instance,
      `${one.silentSeconds.toFixed(0)} s ago`,
      rate(one.requests),
      rate(one.faults),
      seconds(one.p95),
      String(one.waiting),
      String(one.jobsRunning),
    ]),
  );
}

function modelsSection({ models }: Summary): string {
  return table(
    'Models',
    ['model', 'requests/s', 'server failures/s', 'p50', 'p95', 'p99', 'waiting', 'breaker'],
    models.map((one) => [
      one.model,
      rate(one.requests),
      rate(one.failures),
      seconds(one.p50),
      seconds(one.p95),
      seconds(one.p99),
      String(one.waiting),
      one.breaker,
    ]),
  );
}

function gpusSection({ gpus }: Summary): string {
  return table(
    'GPUs',
    ['gpu', 'busy', 'memory', 'power', 'temperature'],
    gpus.map((one) => [
      `${one.name} ${one.id}`,
      percent(one.busy),
      percent(one.memory),
      one.watts === null ? '–' : `${one.watts.toFixed(0)} W`,
      one.celsius === null ? '–' : `${one.celsius.toFixed(0)} °C`,
    ]),
  );
}

function telemetrySection({ pipeline }: Summary): string {
  return table(
    'Telemetry',
    ['made/s', 'exported/s', 'dropped', 'missing', 'spooled', 'fullest queue', 'servers'],
    [
      [
        rate(pipeline.made),
        rate(pipeline.exported),
        String(pipeline.dropped),
        String(pipeline.missing),
        String(pipeline.spooled),
        percent(pipeline.fullestQueue),
        `${pipeline.servers.up} of ${pipeline.servers.of}`,
      ],
    ],
  );
}

function verdict({ service, pipeline, alerts }: Summary): string {
  if (service.instances === 0) return 'no instance of the service is heard of.';
  const critical = alerts.filter(({ severity }) => severity === 'critical').length;
  const firing = `${alerts.length} ${alerts.length === 1 ? 'alert fires' : 'alerts fire'}`;
  if (critical > 0) return `${firing}, ${critical} of ${alerts.length === 1 ? 'it' : 'them'} critical.`;
  if (alerts.length > 0) return `${firing}.`;
  if (pipeline.dropped > 0 || pipeline.missing > 0) return 'telemetry was lost.';
  if (pipeline.servers.up < pipeline.servers.of) return 'a server around the service does not answer.';
  return 'all is well.';
}

function rate(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(2);
}

function seconds(value: number | null): string {
  if (value === null) return '–';
  return value < 1 ? `${(value * 1000).toFixed(1)} ms` : `${value.toFixed(2)} s`;
}

function percent(value: number | null): string {
  return value === null ? '–' : `${(value * 100).toFixed(0)} %`;
}
