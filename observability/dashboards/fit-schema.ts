import type * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';

// The SDK's builders are of another Grafana than the pinned one, whose types a test checks.

/** What a gauge needs to say since it may be a ring: an arc in one piece. */
const arc = {
  shape: 'gauge',
  barShape: 'flat',
  barWidthFactor: 0.5,
  segmentCount: 1,
  segmentSpacing: 0.3,
  effects: {},
};

export function fitPanel(panel: dashboard.Panel): dashboard.Panel {
  switch (panel.type) {
    case 'gauge':
      return { ...panel, options: { ...arc, ...panel.options } };
    case 'table': {
      const { footer: _, ...options } = panel.options as Record<string, unknown>;
      return { ...panel, options };
    }
    case 'logs':
      return { fieldConfig: { defaults: {}, overrides: [] }, ...panel };
    default:
      return panel;
  }
}

/** Steps of time belong to variables of intervals alone. */
export function fitVariable({ auto: _, auto_min: __, auto_count: ___, ...variable }: dashboard.VariableModel) {
  return variable;
}
