import { formatValue } from '../format/format-value.ts';
import type { FieldConfig, Mapping, Panel, Threshold } from './dashboard.ts';

/** How one series or column is shown: the panel's defaults with the overrides that match it. */
export type Field = FieldConfig & { shown: (value: number | null | undefined) => string };

export function fieldOf(panel: Panel, of: { name: string; refId?: string; type?: string }): Field {
  const config: FieldConfig = structuredClone(panel.fieldConfig?.defaults ?? {});
  for (const { matcher, properties } of panel.fieldConfig?.overrides ?? []) {
    if (!matches(matcher, of)) continue;
    for (const { id, value } of properties) place(config as Record<string, unknown>, id.split('.'), value);
  }
  return { ...config, shown: (value) => shownValue(value, config) };
}

/** The colour that the thresholds give a value: the name of a colour of the style sheet. */
export function thresholdColour(value: number | null | undefined, field: FieldConfig): string | undefined {
  if (value === null || value === undefined) return undefined;
  return stepFor(value, field)?.color;
}

function stepFor(value: number, { thresholds, min = 0, max = 100 }: FieldConfig): Threshold | undefined {
  const at = thresholds?.mode === 'percentage' ? ((value - min) / (max - min)) * 100 : value;
  return thresholds?.steps.findLast((step) => step.value === null || step.value === undefined || at >= step.value);
}

/** Text, and perhaps a colour, that stand for a value by the mappings. */
export function mapped(
  value: number | string | null,
  mappings: readonly Mapping[] = [],
): { text?: string; color?: string } | undefined {
  for (const { type, options } of mappings) {
    if (type === 'value') {
      const found = (options as Record<string, { text?: string; color?: string }>)[String(value)];
      if (found) return found;
    } else if (type === 'range' && typeof value === 'number') {
      const { from, to, result } = options as {
        from: number | null;
        to: number | null;
        result: { text?: string; color?: string };
      };
      if (value >= (from ?? Number.NEGATIVE_INFINITY) && value <= (to ?? Number.POSITIVE_INFINITY)) return result;
    } else if (type === 'special') {
      const { match, result } = options as { match: string; result: { text?: string } };
      const isMissing = value === null || (typeof value === 'number' && Number.isNaN(value));
      if (isMissing && /null|nan|empty/.test(match)) return result;
    } else if (type === 'regex' && typeof value === 'string') {
      const { pattern, result } = options as { pattern: string; result: { text?: string } };
      if (new RegExp(pattern.replace(/^\/|\/$/g, '')).test(value)) return result;
    }
  }
  return undefined;
}

function shownValue(value: number | null | undefined, config: FieldConfig): string {
  const found = mapped(value ?? null, config.mappings);
  if (found?.text !== undefined) return found.text;
  if ((value === null || value === undefined) && config.noValue !== undefined) return config.noValue;
  return formatValue(value, config.unit ?? 'short', config.decimals);
}

function matches(
  { id, options }: { id: string; options?: unknown },
  { name, refId, type }: { name: string; refId?: string; type?: string },
): boolean {
  switch (id) {
    case 'byName':
      return options === name;
    case 'byRegexp':
      return new RegExp(String(options).replace(/^\/|\/[a-z]*$/g, '')).test(name);
    case 'byFrameRefID':
      return options === refId;
    case 'byType':
      return options === type;
    default:
      return false;
  }
}

function place(into: Record<string, unknown>, [head = '', ...rest]: string[], value: unknown): void {
  if (rest.length === 0) into[head] = value;
  else {
    if (typeof into[head] !== 'object' || into[head] === null) into[head] = {};
    place(into[head] as Record<string, unknown>, rest, value);
  }
}

/**
 * A colour of Grafana's names as one of ours, which is legible on light and dark; others as they
 * are.
 */
export function asColour(name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  if (name.startsWith('#') || name.startsWith('rgb')) return name;
  const base = /(green|red|orange|yellow|blue|purple|text|transparent|grey|gray)$/.exec(name)?.[1];
  if (base === 'transparent') return 'transparent';
  if (base === 'text') return 'var(--ink)';
  return base === undefined ? undefined : `var(--${base === 'gray' ? 'grey' : base})`;
}
