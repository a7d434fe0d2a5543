import uPlot from 'uplot';
import { element } from '../../dom/element.ts';
import { clock, dayAndClock } from '../../format/format-time.ts';
import { formatValue } from '../../format/format-value.ts';
import { colour, onThemeChange } from '../../theme.ts';
import { asColour, type Field, fieldOf } from '../field.ts';
import { reduced, type Series } from '../series.ts';
import { emptyPanel } from './empty-panel.ts';
import { exemplarDots } from './exemplar-dots.ts';
import type { DrawPanel, PanelContext } from './panel-view.ts';
import { rangeOf } from './value-range.ts';

type Line = { series: Series; field: Field; name: string; colour: string; shown: boolean };

/**
 * Lines, areas or bars over time, with thresholds, events and the exemplars that open their trace.
 */
export const drawTimeSeries: DrawPanel = (body, context) => {
  const { panel, signal } = context;
  const lines = asLines(context);
  for (const line of lines) line.shown = !context.memory.isHidden(line.name);
  if (lines.length === 0) {
    body.append(emptyPanel(panel));
    return;
  }
  const plotHost = element('div', { class: 'plot' });
  const legend = legendOf(lines, panel.options?.legend, (line) => {
    context.memory.hide(line.name, !line.shown);
    draw();
  });
  body.classList.toggle('legend-right', panel.options?.legend?.placement === 'right');
  body.append(plotHost, ...(legend ? [legend] : []));
  let plot: uPlot | undefined;

  function draw(): void {
    if (plotHost.clientWidth === 0 || plotHost.clientHeight === 0) return;
    plot?.destroy();
    plotHost.replaceChildren();
    plot = new uPlot(optionsOf(plotHost, lines, context), valuesOf(lines), plotHost);
  }
  const resized = new ResizeObserver(() => {
    if (plot && plot.width === plotHost.clientWidth && plot.height === plotHost.clientHeight) return;
    draw();
  });
  resized.observe(plotHost);
  onThemeChange(draw, signal);
  signal.addEventListener('abort', () => {
    resized.disconnect();
    plot?.destroy();
  });
};

/** What the lines are called and coloured, as chart and table have it. */
export function asLines({ panel, data }: Pick<PanelContext, 'panel' | 'data'>): Line[] {
  return data.series
    .map((series) => ({ series, field: fieldOf(panel, series) }))
    .filter(({ field }) => field.custom?.hideFrom?.viz !== true)
    .map(({ series, field }, at) => ({
      series,
      field,
      name:
        field.displayName?.replaceAll(
          /\$\{__field\.labels\.(\w+)\}/g,
          (_, label: string) => series.labels[label] ?? '',
        ) ?? series.name,
      colour:
        (field.color?.mode === 'fixed' ? asColour(field.color.fixedColor) : undefined) ??
        `var(--series-${(at % 8) + 1})`,
      shown: true,
    }));
}

function isStacked({ field }: Line): boolean {
  return ['normal', 'percent'].includes(field.custom?.stacking?.mode ?? 'none');
}

/** Stacked lines stand on those before them. */
function valuesOf(lines: readonly Line[]): uPlot.AlignedData {
  const times = lines[0]!.series.times;
  const base = times.map(() => 0);
  const columns = lines.map((line) => {
    if (!isStacked(line) || !line.shown) return [...line.series.values];
    return line.series.values.map((value, at) => {
      if (value === null) return null;
      base[at]! += value;
      return base[at]!;
    });
  });
  return [[...times], ...columns] as uPlot.AlignedData;
}

function optionsOf(host: HTMLElement, lines: readonly Line[], context: PanelContext): uPlot.Options {
  const [first] = lines;
  const { field } = first!;
  const { data } = context;
  const tip = tooltip(lines, context);
  const axis = {
    stroke: colour('muted'),
    grid: { stroke: colour('grid'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width: host.clientWidth,
    height: host.clientHeight,
    padding: [8, 20, 0, 0],
    legend: { show: false },
    cursor: cursorOf(context),
    scales: {
      x: { time: true, min: data.start, max: data.end },
      y: {
        range: (_, low, high) => rangeOf(low, high, field),
        distr: field.custom?.scaleDistribution?.type === 'log' ? 3 : 1,
      },
    },
    axes: [
      {
        ...axis,
        size: 26,
        space: 64,
        incrs: timeSteps,
        values: (plot, splits, _, __, step) => splits.map((at) => fitting(plot, at, timeLabel(at, step))),
      },
      {
        ...axis,
        size: (_, labels) =>
          Math.min(96, Math.max(34, 14 + Math.max(0, ...(labels ?? []).map((label) => label.length)) * 6.4)),
        space: 28,
        // Round in its own counting: 256 KiB and not 244.
        ...(/^(bytes|binBps)$/.test(field.unit ?? '') && { incrs: binarySteps }),
        // A logarithmic axis has splits without a label.
        values: (_, splits) => splits.map((value) => (value === null ? '' : formatValue(value, field.unit ?? 'short'))),
      },
    ],
    bands: lines.flatMap((line, at) =>
      at > 0 && isStacked(line) ? [{ series: [at + 1, at] as [number, number], fill: faded(line, 35) }] : [],
    ),
    series: [{}, ...lines.map((line, at) => lineOptions(line, at))],
    hooks: {
      drawClear: [(plot) => drawThresholds(plot, field)],
      draw: [(plot) => drawEvents(plot, context)],
      setCursor: [tip],
      setSelect: [(plot) => zoomTo(plot, context)],
      // Before that the scales are not known.
      ready: [(plot) => exemplarDots(plot, data.exemplars, field)],
    },
  };
}

function cursorOf({ onZoom }: PanelContext): uPlot.Cursor {
  return {
    y: false,
    drag: { x: onZoom !== undefined, y: false, setScale: false },
    points: { size: 6 },
    // One cross-hair over all charts, at the same time.
    sync: { key: 'charts', setSeries: false },
  };
}

/** What was drawn over becomes the time of all charts. */
function zoomTo(plot: uPlot, { onZoom }: PanelContext): void {
  const { left, width } = plot.select;
  if (width < 4) return;
  onZoom?.(plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x'));
}

/** Two minutes too: without them a narrow chart of five has one label. */
const timeSteps = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800,
];

const binarySteps = Array.from({ length: 50 }, (_, power) => 2 ** power);

function lineOptions(line: Line, at: number): uPlot.Series {
  const { field, shown } = line;
  const {
    drawStyle,
    lineWidth = 1.5,
    fillOpacity = 0,
    lineStyle,
    lineInterpolation,
    spanNulls,
    showPoints,
  } = field.custom ?? {};
  const few = line.series.values.filter((value) => value !== null).length < 3;
  const fill = drawStyle === 'bars' ? Math.max(fillOpacity, 60) : fillOpacity;
  const paths =
    drawStyle === 'bars'
      ? uPlot.paths.bars!({ size: [0.8, 24] })
      : drawStyle === 'points'
        ? () => null
        : lineInterpolation?.startsWith('step')
          ? uPlot.paths.stepped!({ align: lineInterpolation === 'stepBefore' ? -1 : 1 })
          : lineInterpolation === 'smooth'
            ? uPlot.paths.spline!()
            : uPlot.paths.linear!();
  const stackedAbove = isStacked(line) && at > 0;
  return {
    show: shown,
    stroke: resolved(line.colour),
    width: lineWidth,
    paths,
    spanGaps: spanNulls === true,
    points: { show: few || drawStyle === 'points' || showPoints === 'always', size: 5, fill: resolved(line.colour) },
    ...(fill > 0 && !stackedAbove && { fill: faded(line, Math.max(fill, isStacked(line) ? 35 : 0)) }),
    ...(lineStyle?.fill === 'dash' && { dash: lineStyle.dash ?? [6, 4] }),
  };
}

function faded({ colour: name }: Line, percent: number): string {
  return `color-mix(in srgb, ${resolved(name)} ${percent}%, transparent)`;
}

/** Canvases know no variables. */
function resolved(name: string): string {
  const variable = /^var\(--([\w-]+)\)$/.exec(name)?.[1];
  return variable === undefined ? name : colour(variable);
}

/** Nothing where the edge would cut it. */
function fitting(plot: uPlot, at: number, text: string): string {
  const right = plot.width - plot.bbox.left / devicePixelRatio;
  return plot.valToPos(at, 'x') + text.length * 3.2 > right ? '' : text;
}

function timeLabel(at: number, step: number): string {
  const text = clock(at * 1000);
  return step < 60
    ? text
    : step < 86_400
      ? text.slice(0, 5)
      : dayAndClock(at * 1000)
          .split(' ')
          .slice(0, 2)
          .join(' ');
}

function drawThresholds(plot: uPlot, field: Field): void {
  const mode = field.custom?.thresholdsStyle?.mode ?? 'off';
  if (mode === 'off') return;
  for (const { value, color } of field.thresholds?.steps ?? []) {
    if (value === null || value === undefined) continue;
    const y = Math.round(plot.valToPos(value, 'y', true));
    if (y < plot.bbox.top || y > plot.bbox.top + plot.bbox.height) continue;
    const { ctx } = plot;
    ctx.save();
    ctx.strokeStyle = resolved(asColour(color) ?? 'var(--red)');
    ctx.globalAlpha = 0.7;
    ctx.setLineDash([6, 4]);
    ctx.beginPath();
    ctx.moveTo(plot.bbox.left, y);
    ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }
}

/** Beyond as many, their lines would hide the chart: then their heads stand at its edge alone. */
const eventLinesMax = 12;

function drawEvents(plot: uPlot, { annotations }: PanelContext): void {
  for (const { at, colour: name } of annotations) {
    const x = Math.round(plot.valToPos(at, 'x', true));
    if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) continue;
    const { ctx } = plot;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = resolved(name);
    ctx.globalAlpha = 0.8;
    ctx.setLineDash([2, 3]);
    if (annotations.length <= eventLinesMax) {
      ctx.beginPath();
      ctx.moveTo(x, plot.bbox.top);
      ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
      ctx.stroke();
    }
    ctx.beginPath();
    ctx.moveTo(x - 4, plot.bbox.top);
    ctx.lineTo(x + 4, plot.bbox.top);
    ctx.lineTo(x, plot.bbox.top + 6);
    ctx.fill();
    ctx.restore();
  }
}

const tipRowsMax = 12;

/**
 * What every line is worth where the pointer is, the largest first. The panel's table has the same
 * for who has no pointer.
 */
function tooltip(lines: readonly Line[], { annotations }: PanelContext): (plot: uPlot) => void {
  const box = element('div', { class: 'tip', 'aria-hidden': 'true' });
  return (plot) => {
    const at = plot.cursor.idx;
    const left = plot.cursor.left ?? -1;
    // The charts beside it show where that is, and no box.
    if (at === null || at === undefined || left < 0 || !plot.over.matches(':hover')) {
      box.remove();
      return;
    }
    const time = plot.data[0][at]!;
    const rows = lines
      .filter(({ shown, series }) => shown && series.values[at] !== null && series.values[at] !== undefined)
      .sort((a, b) => b.series.values[at]! - a.series.values[at]!);
    const near = annotations.filter((event) => Math.abs(plot.valToPos(event.at, 'x') - left) < 5);
    box.replaceChildren(
      element('strong', {}, dayAndClock(time * 1000)),
      ...rows
        .slice(0, tipRowsMax)
        .map(({ name, colour: of, field, series }) =>
          element(
            'span',
            {},
            element('i', { style: { background: of } }),
            element('span', {}, name),
            element('b', {}, field.shown(series.values[at])),
          ),
        ),
      ...(rows.length > tipRowsMax ? [element('em', {}, `and ${rows.length - tipRowsMax} more`)] : []),
      ...near.map(({ text }) => element('em', {}, text)),
    );
    plot.over.append(box);
    const isRight = left > plot.over.clientWidth / 2;
    box.style.left = isRight ? 'auto' : `${left + 12}px`;
    box.style.right = isRight ? `${plot.over.clientWidth - left + 12}px` : 'auto';
  };
}

/** One button a line: pressed is shown. With calculations asked for it has their values. */
function legendOf(
  lines: Line[],
  options: { displayMode?: string; showLegend?: boolean; calcs?: string[] } | undefined,
  changed: (line: Line) => void,
): HTMLElement | undefined {
  if (options?.showLegend === false || options?.displayMode === 'hidden') return undefined;
  const calcs = options?.calcs ?? [];
  const visible = lines.filter(({ field }) => field.custom?.hideFrom?.legend !== true);
  return element(
    'ul',
    { class: `legend${calcs.length > 0 ? ' with-values' : ''}`, 'aria-label': 'Lines' },
    // Lines that are zero all the time say least: they come last.
    [...visible.filter((line) => !isIdle(line)), ...visible.filter(isIdle)].slice(0, 60).map((line) => {
      const button = element(
        'button',
        {
          type: 'button',
          class: isIdle(line) ? 'idle' : undefined,
          'aria-pressed': String(line.shown),
          onclick: toggle,
        },
        element('i', { style: { background: line.colour } }),
        element('span', {}, line.name),
      );
      return element(
        'li',
        {},
        button,
        calcs.map((calc) =>
          element('span', { class: 'calc', title: calc }, line.field.shown(reduced(line.series.values, calc))),
        ),
      );

      function toggle(): void {
        line.shown = !line.shown;
        button.setAttribute('aria-pressed', String(line.shown));
        changed(line);
      }
    }),
  );
}

function isIdle({ series }: Line): boolean {
  return series.values.every((value) => value === null || value === 0);
}
