import { askAnyway } from './ask.ts';

export type HealthCheck = { status: 'healthy' | 'warning' | 'unhealthy'; message?: string; [figure: string]: unknown };

export type ServiceProcess = {
  process: number;
  state: string;
  pid?: number | null;
  instance?: string | null;
  started_at: string;
  restarts: number;
  requests_in_flight: number;
  connections: number;
};

/** GET /health/detailed, by the page's own way, which leaves no trace. */
export type Health = {
  status: 'healthy' | 'warning' | 'degraded' | 'unhealthy';
  state: string;
  version: string;
  uptime_seconds: number;
  requests_in_flight: number;
  models_loaded: number;
  circuit_breakers: Record<string, string>;
  checks: Record<string, HealthCheck> & { system?: HealthCheck & Record<'cpu' | 'memory' | 'disk', HealthCheck> };
  process?: number;
  processes?: ServiceProcess[];
};

/** An unfit service answers 503 with the same fields. */
export async function askHealth(signal: AbortSignal): Promise<Health> {
  return (await (await askAnyway('/page/health', [503], { signal })).json()) as Health;
}

/** The checks that do not pass, each once, the worst first. */
export function failingChecks({ checks }: Health): { name: string; check: HealthCheck }[] {
  const { system, model: _, storage: __, ...others } = checks;
  const all = { ...others, cpu: system?.cpu, memory: system?.memory, disk: system?.disk };
  return Object.entries(all)
    .flatMap(([name, check]) => (check && check.status !== 'healthy' ? [{ name, check }] : []))
    .sort((a, b) => Number(b.check.status === 'unhealthy') - Number(a.check.status === 'unhealthy'));
}
