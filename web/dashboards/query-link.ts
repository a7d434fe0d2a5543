import { hashOf } from '../route.ts';
import type { Panel } from './dashboard.ts';
import { type Built, interpolate } from './interpolate.ts';
import { kindOf, type Moment } from './panel-data.ts';

const languages = { prometheus: 'promql', loki: 'logql', tempo: 'traceql' } as const;

/** Leads to the first query of a panel, with the values and the time that it was asked with. */
export function queryLink(panel: Panel, moment: Moment, built: Built): string {
  const target = (panel.targets ?? []).find(({ hide, expr, query }) => hide !== true && (expr ?? query ?? '') !== '');
  const query = interpolate(target?.expr ?? target?.query ?? '', moment.values, built);
  return hashOf(
    ['queries'],
    new URLSearchParams({
      language: languages[kindOf(target?.datasource ?? panel.datasource)],
      query,
      from: String(Math.round(moment.start * 1000)),
      to: String(Math.round(moment.end * 1000)),
    }),
  );
}
