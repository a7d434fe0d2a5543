import type { Panel } from '../dashboards/dashboard.ts';
import { panelOnPage } from '../dashboards/draw-panel.ts';
import { element } from '../dom/element.ts';
import type { PageFacts } from '../page-facts.ts';

const beside = 120;

export type Around = { started_at: string; duration_ms: number; model: string | null };

/** The queue, the GPU and the machine at the time of a request, drawn as any dashboard's panels are. */
export function aroundRequest(record: Around, facts: PageFacts, signal: AbortSignal): HTMLElement {
  const at = Date.parse(record.started_at) / 1000;
  const model = (record.model ?? '').replaceAll(/["\\\n]/g, '');
  const grid = element('div', { class: 'grid' });
  const panels = [
    chart(1, 'Waiting for a lane', 'none', `inference_queue_depth{model="${model}"}`, '{{instance}}'),
    chart(2, 'GPU in use', 'percentunit', 'hw_gpu_utilization_ratio', '{{hw_id}}'),
    chart(3, 'GPU power', 'watt', 'hw_power_watts', '{{hw_id}}'),
    chart(4, 'Requests', 'reqps', 'sum by (endpoint) (rate(http_requests_total[$__rate_interval]))', '{{endpoint}}'),
  ];
  const dashboard = { uid: '', title: '', panels };
  const moment = {
    start: at - beside,
    end: Math.min(Date.now() / 1000, at + record.duration_ms / 1000 + beside),
    values: new Map(),
    exportSeconds: facts.exportIntervalSeconds,
  };
  for (const [place, panel] of panels.entries()) {
    panel.gridPos = { x: (place % 4) * 6, y: 0, w: 6, h: 5 };
    // A link into a Grafana dashboard would lead nowhere: these are of no file.
    const made = panelOnPage(panel, dashboard, { ...facts, grafana: null }, signal);
    grid.append(made.host);
    queueMicrotask(
      () => void made.refresh(moment, [{ at, text: 'this request', colour: 'var(--accent)', name: 'request' }]),
    );
  }
  return grid;
}

function chart(id: number, title: string, unit: string, expr: string, legendFormat: string): Panel {
  return {
    id,
    type: 'timeseries',
    title,
    targets: [{ refId: 'A', expr, legendFormat }],
    fieldConfig: { defaults: { unit, custom: { fillOpacity: 8 } } },
    options: { legend: { showLegend: false } },
  };
}
