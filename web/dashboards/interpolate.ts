import { durationText } from './time-range.ts';

/** What a variable stands for now; several values where it takes several. */
export type Values = ReadonlyMap<string, { values: readonly string[]; all: boolean; allValue?: string | undefined }>;

export type Built = { intervalSeconds: number; start: number; end: number; exportSeconds: number };

/**
 * Puts values in the place of `$name`, `${name}` and `${name:format}`, as Grafana does for a query:
 * several values become a regular expression. Also the built-in ones: $__rate_interval holds at
 * least four points, so that a rate is never empty for want of them.
 */
export function interpolate(text: string, values: Values, built: Built): string {
  return text.replaceAll(/\$\{(\w+)(?::(\w+))?\}|\$(\w+)/g, (whole, braced: string, format: string, bare: string) => {
    const name = braced ?? bare;
    const builtIn = builtInValue(name, built);
    if (builtIn !== undefined) return builtIn;
    const value = values.get(name);
    return value === undefined ? whole : written(value, format);
  });
}

function builtInValue(name: string, { intervalSeconds, start, end, exportSeconds }: Built): string | undefined {
  const rangeSeconds = end - start;
  switch (name) {
    case '__interval':
      return durationText(intervalSeconds);
    case '__interval_ms':
      return String(Math.round(intervalSeconds * 1000));
    case '__rate_interval':
      return durationText(Math.max(intervalSeconds + exportSeconds, 4 * exportSeconds));
    case '__range':
      return durationText(rangeSeconds);
    case '__range_s':
      return String(Math.round(rangeSeconds));
    case '__range_ms':
      return String(Math.round(rangeSeconds * 1000));
    case '__from':
      return String(Math.round(start * 1000));
    case '__to':
      return String(Math.round(end * 1000));
    case '__auto':
      return durationText(Math.max(intervalSeconds + exportSeconds, 4 * exportSeconds));
    default:
      return undefined;
  }
}

function written(
  { values, all, allValue }: { values: readonly string[]; all: boolean; allValue?: string | undefined },
  format: string | undefined,
): string {
  if (all && allValue !== undefined) return allValue;
  switch (format) {
    case 'raw':
    case 'text':
      return values.join(', ');
    case 'csv':
      return values.join(',');
    case 'pipe':
      return values.join('|');
    case 'queryparam':
      return values.map(encodeURIComponent).join(',');
    case 'percentencode':
      return encodeURIComponent(values.join(','));
    default:
      if (all && values.length === 0) return '.*';
      // A single value that was chosen is meant as it is; several are alternatives.
      return values.length === 1 && !all ? escaped(values[0]!) : `(${values.map(escaped).join('|')})`;
  }
}

/** For inside of a quoted PromQL or LogQL string that is a regular expression. */
function escaped(value: string): string {
  return value.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\\\$&');
}
