import type uPlot from 'uplot';
import { element } from '../../dom/element.ts';
import { clock } from '../../format/format-time.ts';
import type { Field } from '../field.ts';
import type { ExemplarPoint } from '../series.ts';

const dotsMax = 60;

/**
 * Each a link to its trace, at its time and value. One stop for the keyboard; arrow keys go from
 * one to the next.
 */
export function exemplarDots(plot: uPlot, exemplars: readonly ExemplarPoint[], field: Field): void {
  const [low, high] = [plot.scales.y?.min ?? 0, plot.scales.y?.max ?? 1];
  const [from, to] = [plot.scales.x?.min ?? 0, plot.scales.x?.max ?? 0];
  const points = slowestOfEachMoment(
    exemplars.filter(({ at }) => at >= from && at <= to),
    (to - from) / dotsMax,
  );
  const dots = points.map(({ at, value, traceId }, index) =>
    element('a', {
      class: 'exemplar',
      href: `#/requests/${traceId}`,
      'aria-label': `Trace of ${field.shown(value)} at ${clock(at * 1000)}`,
      title: `${field.shown(value)} at ${clock(at * 1000)}`,
      tabindex: index === 0 ? 0 : -1,
      style: {
        left: `${plot.valToPos(at, 'x')}px`,
        // One above the shown values stands at the edge instead of outside.
        top: `${plot.valToPos(Math.min(high, Math.max(low, value)), 'y')}px`,
      },
      onkeydown: (event) => move(event as KeyboardEvent, index),
    }),
  );
  plot.over.append(...dots);

  function move(event: KeyboardEvent, from: number): void {
    const to = event.key === 'ArrowRight' ? from + 1 : event.key === 'ArrowLeft' ? from - 1 : from;
    const dot = dots[to];
    if (to === from || !dot) return;
    event.preventDefault();
    dots[from]!.tabIndex = -1;
    dot.tabIndex = 0;
    dot.focus();
  }
}

/** Of thousands a few: all over the time, and of each moment the one that is worth a look. */
function slowestOfEachMoment(exemplars: readonly ExemplarPoint[], momentSeconds: number): ExemplarPoint[] {
  const slowest = new Map<number, ExemplarPoint>();
  for (const point of exemplars) {
    const moment = Math.floor(point.at / momentSeconds);
    if (point.value >= (slowest.get(moment)?.value ?? Number.NEGATIVE_INFINITY)) slowest.set(moment, point);
  }
  return [...slowest.values()].sort((a, b) => a.at - b.at);
}
