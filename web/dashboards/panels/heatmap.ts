import { element } from '../../dom/element.ts';
import { clock } from '../../format/format-time.ts';
import { formatValue } from '../../format/format-value.ts';
import { colour, onThemeChange } from '../../theme.ts';
import { emptyPanel } from './empty-panel.ts';
import { asCells, type Cells } from './heatmap-cells.ts';
import type { DrawPanel } from './panel-view.ts';

const axisWidth = 58;
const axisHeight = 22;

/**
 * How many fell into which bucket when: the buckets of a histogram upwards, the darker the more.
 */
export const drawHeatmap: DrawPanel = (body, { panel, data, signal }) => {
  const unit = panel.options?.yAxis?.unit ?? panel.fieldConfig?.defaults?.unit ?? 'short';
  const cells = asCells(data.series, unit);
  if (cells.bounds.length === 0) {
    body.append(emptyPanel(panel));
    return;
  }
  const canvas = element('canvas', { role: 'img', 'aria-label': `${panel.title ?? 'Heatmap'}: ${described(cells)}` });
  const tip = element('div', { class: 'tip', 'aria-hidden': 'true', hidden: true });
  const host = element('div', { class: 'plot heat' }, canvas, tip);
  body.append(host);
  host.addEventListener('pointermove', (event) => showTip(event, host, tip, cells));
  host.addEventListener('pointerleave', () => {
    tip.hidden = true;
  });
  const draw = () => paint(host, canvas, cells);
  const resized = new ResizeObserver(draw);
  resized.observe(host);
  onThemeChange(draw, signal);
  signal.addEventListener('abort', () => resized.disconnect());
};

type Grid = { ctx: CanvasRenderingContext2D; width: number; height: number; wide: number; high: number };

function paint(host: HTMLElement, canvas: HTMLCanvasElement, cells: Cells): void {
  const { clientWidth: width, clientHeight: height } = host;
  if (width === 0 || height === 0) return;
  canvas.width = width * devicePixelRatio;
  canvas.height = height * devicePixelRatio;
  const ctx = canvas.getContext('2d')!;
  ctx.scale(devicePixelRatio, devicePixelRatio);
  const wide = (width - axisWidth) / cells.times.length;
  const high = (height - axisHeight) / cells.bounds.length;
  const grid = { ctx, width, height, wide, high };
  paintCells(grid, cells);
  paintAxes(grid, cells);
}

function paintCells({ ctx, height, wide, high }: Grid, { counts, most }: Cells): void {
  ctx.fillStyle = colour('accent');
  for (const [row, line] of counts.entries())
    for (const [at, count] of line.entries()) {
      if (!count) continue;
      ctx.globalAlpha = 0.12 + 0.88 * Math.sqrt(count / most);
      ctx.fillRect(
        axisWidth + at * wide,
        height - axisHeight - (row + 1) * high,
        Math.max(1, wide - 0.5),
        Math.max(1, high - 0.5),
      );
    }
  ctx.globalAlpha = 1;
}

function paintAxes({ ctx, width, height, wide, high }: Grid, { bounds, times }: Cells): void {
  ctx.fillStyle = colour('muted');
  ctx.font = '11px system-ui, sans-serif';
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'right';
  const every = Math.max(1, Math.ceil(18 / high));
  for (let row = 0; row < bounds.length; row += every)
    ctx.fillText(bounds[row]!, axisWidth - 8, height - axisHeight - (row + 0.5) * high);
  ctx.textAlign = 'center';
  const marks = Math.max(2, Math.floor((width - axisWidth) / 90));
  for (let mark = 0; mark < marks; mark += 1) {
    const at = Math.floor(((mark + 0.5) / marks) * times.length);
    ctx.fillText(clock(times[at]! * 1000).slice(0, 5), axisWidth + (at + 0.5) * wide, height - axisHeight / 2);
  }
}

function showTip({ offsetX, offsetY }: PointerEvent, host: HTMLElement, tip: HTMLElement, cells: Cells): void {
  const { bounds, times, counts } = cells;
  const at = Math.floor(((offsetX - axisWidth) / (host.clientWidth - axisWidth)) * times.length);
  const row = Math.floor(
    ((host.clientHeight - axisHeight - offsetY) / (host.clientHeight - axisHeight)) * bounds.length,
  );
  const count = counts[row]?.[at];
  tip.hidden = count === undefined || count === null || at < 0;
  if (tip.hidden) return;
  tip.replaceChildren(
    element('strong', {}, clock(times[at]! * 1000)),
    element('span', {}, element('span', {}, `up to ${bounds[row]}`), element('b', {}, formatValue(count, 'short'))),
  );
  const isRight = offsetX > host.clientWidth / 2;
  tip.style.left = isRight ? 'auto' : `${offsetX + 12}px`;
  tip.style.right = isRight ? `${host.clientWidth - offsetX + 12}px` : 'auto';
  tip.style.top = `${Math.max(0, offsetY - 30)}px`;
}

function described({ bounds, counts }: Cells): string {
  const totals = counts.map((line) => line.reduce<number>((total, count) => total + (count ?? 0), 0));
  const fullest = totals.indexOf(Math.max(...totals));
  return `${bounds.length} buckets, most in the one up to ${bounds[fullest]}`;
}
