/** An OTLP name in Prometheus: underscores, the unit as a suffix, `_total` for counters. */
export function nameInPrometheus({ name, kind, unit }: { name: string; kind: string; unit: string }): string {
  const units: Record<string, string> = {
    s: 'seconds',
    ms: 'milliseconds',
    By: 'bytes',
    J: 'joules',
    W: 'watts',
    Cel: 'celsius',
    Hz: 'hertz',
  };
  const base = name.replace(/[^A-Za-z0-9]/g, '_');
  const word = units[unit] ?? (unit === '1' && kind === 'gauge' ? 'ratio' : '');
  const withUnit = word === '' || base.endsWith(`_${word}`) ? base : `${base}_${word}`;
  return kind === 'counter' ? `${withUnit}_total` : withUnit;
}
