import { audioOverview } from './audio-overview.ts';
import { audioPerformance } from './audio-performance.ts';
import { audioQuality } from './audio-quality.ts';
import { buildDashboard } from './build-dashboard.ts';
import { business } from './business.ts';
import { generation } from './generation.ts';
import { gpuHost } from './gpu-host.ts';
import { inference } from './inference.ts';
import { logDashboard } from './logs.ts';
import { materials } from './materials.ts';
import { model } from './model.ts';
import { overview } from './overview.ts';
import type { DashboardPlan, Panel } from './panel.ts';
import { service } from './service.ts';
import { slo } from './slo.ts';
import { telemetry } from './telemetry.ts';

/** Every dashboard, in the order in which one looks. */
export const dashboards: readonly DashboardPlan[] = [
  overview,
  inference,
  model,
  service,
  gpuHost,
  slo,
  logDashboard,
  telemetry,
  audioOverview,
  audioPerformance,
  audioQuality,
  generation,
  materials,
  business,
];

export function panelsOf({ lines }: DashboardPlan): Panel[] {
  return lines.flatMap(({ panels }) => panels);
}

/** The file of grafana/dashboards. */
export function writeDashboard(plan: DashboardPlan): string {
  return `${JSON.stringify(buildDashboard(plan), null, 1)}\n`;
}
