import { log } from '../../telemetry/logger.ts';
import type { HealthChecks } from './health-checks.ts';

/**
 * Writes CPU, memory and disk as one log line a minute, for those who read
 * `event_type=system_metrics` in logs. 0: never.
 */
export function logSystemMetrics(checks: Pick<HealthChecks, 'see'>, everyMs: number, until: AbortSignal): void {
  if (everyMs === 0) return;
  const timer = setInterval(() => void writeLine(checks), everyMs);
  timer.unref();
  until.addEventListener('abort', () => clearInterval(timer), { once: true });
}

async function writeLine(checks: Pick<HealthChecks, 'see'>): Promise<void> {
  const { cpu, memory, disk, gpus, models } = await checks.see();
  log('metrics', 'info', 'System metrics', {
    event_type: 'system_metrics',
    cpu_percent: cpu?.usedPercent,
    memory_percent: memory.usedPercent,
    memory_used_bytes: memory.usedBytes,
    disk_free_percent: disk?.freePercent,
    disk_free_bytes: disk?.freeBytes,
    gpus,
    models_loaded: models.filter(({ state }) => state === 'ready').length,
  });
}
