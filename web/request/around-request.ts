import type { Panel } from '../dashboards/dashboard.ts';
import { panelOnPage } from '../dashboards/draw-panel.ts';
import { element } from '../dom/element.ts';
import type { PageFacts } from '../page-facts.ts';

const beside = 120;

export type Around = { started_at: string; duration_ms: number; model: string | null };

/**
 * The queue, the GPU and the machine at the time of a request, drawn as any dashboard's panels are.
 */
export function aroundRequest(record: Around, facts: PageFacts, signal: AbortSignal): HTMLElement {
  const at = Date.parse(record.started_at) / 1000;
  const model = (record.model ?? '').replaceAll(/["\\\n]/g, '');
  const grid = element('div', { class: 'grid' });
  const panels = [
    chart(
      1,
      model === '' ? 'Waiting for a lane' : `Waiting for ${model}`,
      'none',
      `sum by (model) (inference_queue_depth{model=~"${model === '' ? '.+' : model}"})`,
      '{{model}}',
    ),
    chart(
      2,
      'Requests by route',
      'reqps',
      'sum by (endpoint) (rate(http_requests_total{job="vitrine"}[$__rate_interval])) > 0',
      '{{endpoint}}',
    ),
    chart(
      3,
      'Processors in use',
      'percentunit',
      '1 - avg(system_cpu_utilization_ratio{job="vitrine", cpu_mode="idle"})',
      'in use',
    ),
    chart(4, 'GPU in use', 'percentunit', 'hw_gpu_utilization_ratio', '{{hw_id}}', noGpu),
    chart(5, 'GPU memory', 'percentunit', 'hw_gpu_memory_utilization_ratio', '{{hw_id}}', noGpu),
    chart(6, 'GPU power', 'watt', 'hw_power_watts', '{{hw_id}}', noGpu),
  ];
  const dashboard = { uid: '', title: '', panels };
  const moment = {
    start: at - beside,
    end: Math.min(Date.now() / 1000, at + record.duration_ms / 1000 + beside),
    values: new Map(),
    exportSeconds: facts.exportIntervalSeconds,
  };
  for (const [place, panel] of panels.entries()) {
    panel.gridPos = { x: (place % 3) * 8, y: Math.floor(place / 3) * 5, w: 8, h: 5 };
    // A link into a Grafana dashboard would lead nowhere: no file has these panels.
    const made = panelOnPage(panel, { dashboard, facts: { ...facts, grafana: null }, signal });
    grid.append(made.host);
    const mark = { at, text: 'this request', colour: 'var(--accent)', name: 'request' };
    queueMicrotask(() => void made.refresh(moment, [mark], signal));
  }
  return grid;
}

const noGpu = 'No GPU data in this time range.';

function chart(id: number, title: string, unit: string, expr: string, legendFormat: string, noValue?: string): Panel {
  return {
    id,
    type: 'timeseries',
    title,
    targets: [{ refId: 'A', expr, legendFormat }],
    fieldConfig: { defaults: { unit, custom: { fillOpacity: 8 }, ...(noValue && { noValue }) } },
    options: { legend: { showLegend: false } },
  };
}
