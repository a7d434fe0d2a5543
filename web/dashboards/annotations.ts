import { logLines, queryRange } from '../asking/backends.ts';
import type { Annotation, Dashboard } from './dashboard.ts';
import { asColour } from './field.ts';
import { type Built, interpolate, type Values } from './interpolate.ts';

/** Something that happened at a moment: a release, a model load, an alert. */
export type Annotated = { at: number; text: string; colour: string; name: string };

const eventsMax = 60;

/** The dashboard's events in this time. */
export async function askAnnotations(
  dashboard: Dashboard,
  of: { start: number; end: number; values: Values; built: Built },
  signal: AbortSignal,
): Promise<Annotated[]> {
  const found = await Promise.all(
    (dashboard.annotations?.list ?? [])
      .filter(({ enable, builtIn }) => enable !== false && builtIn !== 1)
      .map((annotation) => askOne(annotation, of, signal)),
  );
  return found.flat().sort((a, b) => a.at - b.at);
}

async function askOne(
  annotation: Annotation,
  { start, end, values, built }: { start: number; end: number; values: Values; built: Built },
  signal: AbortSignal,
): Promise<Annotated[]> {
  const query = interpolate(annotation.target?.expr ?? '', values, built);
  if (query === '') return [];
  const colour = asColour(annotation.iconColor) ?? 'var(--blue)';
  const source = annotation.datasource;
  const isLoki = /loki/i.test(typeof source === 'string' ? source : (source?.type ?? source?.uid ?? ''));
  const as = (at: number, labels: Readonly<Record<string, string>>, line: string) => {
    const text = (annotation.titleFormat ?? '').replaceAll(
      /\{\{\s*([\w.]+)\s*\}\}/g,
      (_, label: string) => labels[label.replaceAll('.', '_')] ?? '',
    );
    return { at, text: text.trim() || line, colour, name: annotation.name };
  };
  if (isLoki) {
    const lines = await logLines(
      {
        query,
        limit: eventsMax,
        direction: 'backward',
        start: `${Math.floor(start)}000000000`,
        end: `${Math.ceil(end)}000000000`,
      },
      signal,
    );
    return lines.map(({ timeNs, labels, line }) => as(Number(timeNs / 1_000_000n) / 1000, labels, line));
  }
  const step = Math.max(1, Math.round((end - start) / 200));
  const series = await queryRange({ query, start: Math.floor(start), end: Math.ceil(end), step }, signal);
  return series.flatMap(({ metric, values: points }) =>
    beginnings(points, step).map((at) => as(at, metric, annotation.name)),
  );
}

/** Points that follow one another are one event, at the first of them. */
function beginnings(points: readonly [number, string][], step: number): number[] {
  return points.flatMap(([at], index) => (index > 0 && at - points[index - 1]![0] <= step * 1.5 ? [] : [at]));
}
