import type { Health, HealthCheck } from '../asking/ask-health.ts';
import { element } from '../dom/element.ts';
import { gridTable, scrollRegion } from '../dom/grid-table.ts';
import { formatValue } from '../format/format-value.ts';

/** Every check of the service, with its figures. */
export function checkTable({ checks }: Health): HTMLElement {
  const { system, model: _, storage: __, ...others } = checks;
  const all: [string, HealthCheck | undefined][] = [
    ...Object.entries(others),
    ['cpu', system?.cpu],
    ['memory', system?.memory],
    ['disk', system?.disk],
  ];
  return scrollRegion(
    'Checks',
    gridTable(
      [],
      all.flatMap(([name, check]) =>
        check
          ? [
              element(
                'tr',
                {},
                element('th', { scope: 'row' }, name),
                element('td', {}, element('span', { class: `badge ${kindOf(check)}` }, check.status)),
                element('td', {}, check.message ?? ''),
                element('td', { class: 'quiet minor breaks' }, figuresOf(check)),
              ),
            ]
          : [],
      ),
    ),
  );
}

function kindOf({ status }: HealthCheck): string {
  return status === 'healthy' ? 'good' : status === 'warning' ? 'warn' : 'bad';
}

function figuresOf({ status: _, message: __, ...figures }: HealthCheck): string {
  return Object.entries(figures)
    .flatMap(([name, value]) => (typeof value === 'object' || value === undefined ? [] : [figure(name, value)]))
    .join(', ');
}

function figure(name: string, value: unknown): string {
  const [, of = name, unit] = /^(.+)_(bytes|percent|ms)$/.exec(name) ?? [];
  if (typeof value !== 'number' || unit === undefined) return `${name.replaceAll('_', ' ')} ${value}`;
  const shown =
    unit === 'bytes' ? formatValue(value, 'bytes') : unit === 'ms' ? formatValue(value / 1000, 's') : `${value} %`;
  return `${of.replaceAll('_', ' ')} ${shown}`;
}
