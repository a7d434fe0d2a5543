import type { FoundTrace, InstantResult, LogLine } from '../asking/answers.ts';
import { logLines, logMetrics, queryExemplars, queryInstant, queryRange, searchTraces } from '../asking/backends.ts';
import type { DataSource, Panel, Target } from './dashboard.ts';
import { type Built, interpolate, type Values } from './interpolate.ts';
import { asSeries, type ExemplarPoint, exemplarPoints, type Series } from './series.ts';
import { durationSeconds, stepSeconds } from './time-range.ts';

/** The same for all panels of a dashboard at one refresh. */
export type Moment = { start: number; end: number; values: Values; exportSeconds: number };

export type InstantRows = { target: Target; rows: InstantResult[] };

/** What the targets of a panel answered, by kind. */
export type PanelData = {
  series: Series[];
  instant: InstantRows[];
  exemplars: ExemplarPoint[];
  logs: LogLine[];
  traces: FoundTrace[];
  /** What a store could not answer as asked, in its words. */
  notes: string[];
  step: number;
  start: number;
  end: number;
};

/** Asks everything that a panel shows, as Grafana would ask it. */
export async function askPanel(
  panel: Panel,
  moment: Moment,
  pointsMax: number,
  signal: AbortSignal,
): Promise<PanelData> {
  const atLeast = Math.max(
    moment.exportSeconds,
    panel.interval ? durationSeconds(panel.interval.replace(/^>/, '')) : 0,
  );
  const step = stepSeconds(moment, Math.min(pointsMax, panel.maxDataPoints ?? pointsMax), atLeast);
  // On whole steps, so that points stay where they are from one refresh to the next.
  const end = Math.floor(moment.end / step) * step;
  const start = Math.floor(moment.start / step) * step;
  const data: PanelData = { series: [], instant: [], exemplars: [], logs: [], traces: [], notes: [], step, start, end };
  const built = builtAt(moment, step);
  const targets = (panel.targets ?? []).filter(({ hide }) => hide !== true);
  await Promise.all(
    targets.map((target) => {
      const query = interpolate(target.expr ?? target.query ?? '', moment.values, built);
      return askTarget({ panel, target, query, data, moment, signal });
    }),
  );
  // Answers come in any order; what is drawn must not.
  const order = targets.map(({ refId }) => refId);
  data.series.sort((a, b) => order.indexOf(a.refId) - order.indexOf(b.refId));
  data.instant.sort((a, b) => order.indexOf(a.target.refId) - order.indexOf(b.target.refId));
  return data;
}

/** What the built-in variables of a query or link stand for. */
export function builtAt({ start, end, exportSeconds }: Moment, step: number): Built {
  return { intervalSeconds: step, start, end, exportSeconds };
}

async function askTarget(of: {
  panel: Panel;
  target: Target;
  query: string;
  data: PanelData;
  moment: Moment;
  signal: AbortSignal;
}): Promise<void> {
  const { panel, target, query, data, moment, signal } = of;
  const { start, end, step } = data;
  const span = { start: Math.floor(moment.start), end: Math.ceil(moment.end) };
  switch (kindOf(target.datasource ?? panel.datasource)) {
    case 'tempo': {
      const { traces, notes } = await searchTraces(
        { q: query, ...span, limit: Math.min(100, target.limit ?? 20) },
        signal,
      );
      data.traces.push(...traces);
      data.notes.push(...notes);
      return;
    }
    case 'loki': {
      if (panel.type === 'logs') {
        const lines = {
          query,
          limit: Math.min(1000, target.maxLines ?? 200),
          start: `${span.start}000000000`,
          end: `${span.end}000000000`,
        };
        data.logs.push(...(await logLines({ ...lines, direction: 'backward' }, signal)));
        return;
      }
      const found = await logMetrics(
        { query, start: `${start}000000000`, end: `${end}000000000`, step: `${step}s` },
        signal,
      );
      const series = asSeries(found, target, data);
      if (target.queryType === 'instant' || target.instant === true)
        data.instant.push({
          target,
          rows: found.map(({ metric, values }) => ({ metric, value: values.at(-1) ?? [end, 'NaN'] })),
        });
      else data.series.push(...series);
      return;
    }
    case 'prometheus': {
      if (target.instant === true && target.range !== true) {
        data.instant.push({ target, rows: await queryInstant({ query, time: Math.floor(moment.end) }, signal) });
        return;
      }
      data.series.push(...asSeries(await queryRange({ query, start, end, step }, signal), target, data));
      if (target.exemplar === true) {
        const { series, notes } = await queryExemplars({ query, ...span }, signal);
        data.exemplars.push(...exemplarPoints(series));
        data.notes.push(...notes);
      }
    }
  }
}

export function kindOf(source: DataSource | undefined): 'prometheus' | 'loki' | 'tempo' {
  const named = typeof source === 'string' ? source : (source?.type ?? source?.uid ?? '');
  if (/loki/i.test(named)) return 'loki';
  return /tempo/i.test(named) ? 'tempo' : 'prometheus';
}
