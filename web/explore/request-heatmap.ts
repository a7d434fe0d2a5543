import { element } from '../dom/element.ts';
import { clock } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import { colour, onThemeChange } from '../theme.ts';
import type { Distribution } from './ask-requests.ts';

export type Box = { from: string; to: string; ms_min: number; ms_max: number };

const steps: Readonly<Record<string, readonly [column: number, row: number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};
const axisWidth = 58;
const axisHeight = 20;
const height = 190;

/** Where cells are; only the rows that are used are drawn, and one more each way. */
type Place = { wide: number; high: number; firstRow: number; rows: number };

/**
 * When requests ended and how long they took, on a logarithmic axis; a box that is drawn with the
 * pointer, or with the arrow keys and Shift, is reported.
 */
export class RequestHeatmap {
  readonly host: HTMLElement;
  readonly #canvas = element('canvas', {});
  readonly #tip = element('div', { class: 'tip', 'aria-hidden': 'true', hidden: true });
  readonly #box = element('div', { class: 'heat-box', hidden: true });
  readonly #onBox: (box: Box) => void;
  #data: Distribution | undefined;
  #shown: Box | undefined;
  #start: [number, number] | undefined;
  /** The cells that the keys chose: from, to. */
  #keys: { from: [number, number]; to: [number, number] } | undefined;

  constructor(onBox: (box: Box) => void, signal: AbortSignal) {
    this.#onBox = onBox;
    this.host = element(
      'div',
      {
        class: 'request-heat',
        role: 'application',
        tabindex: 0,
        'aria-label': 'Heatmap of durations',
        'aria-describedby': 'heat-help',
        onkeydown: (event) => this.#key(event as KeyboardEvent),
      },
      this.#canvas,
      this.#box,
      this.#tip,
      element(
        'span',
        { id: 'heat-help', class: 'hidden-text' },
        'Arrow keys move, Shift and arrow keys draw a box, Enter compares it.',
      ),
    );
    this.#listen();
    const resized = new ResizeObserver(() => this.#draw());
    resized.observe(this.host);
    onThemeChange(() => this.#draw(), signal);
    signal.addEventListener('abort', () => resized.disconnect());
  }

  show(data: Distribution, box: Box | undefined): void {
    this.#data = data;
    this.#shown = box;
    this.#canvas.setAttribute('role', 'img');
    this.#canvas.setAttribute('aria-label', described(data));
    this.#draw();
  }

  #place(data: Distribution): Place {
    const used = data.cells.map(({ row }) => row);
    const firstRow = Math.max(0, Math.min(...used, 20) - 2);
    const lastRow = Math.min(data.row_bounds_ms.length - 2, Math.max(...used, 24) + 2);
    const rows = lastRow - firstRow + 1;
    return {
      wide: (this.host.clientWidth - axisWidth) / data.columns,
      high: (height - axisHeight) / rows,
      firstRow,
      rows,
    };
  }

  #draw(): void {
    const data = this.#data;
    const width = this.host.clientWidth;
    if (!data || width === 0) return;
    this.#canvas.width = width * devicePixelRatio;
    this.#canvas.height = height * devicePixelRatio;
    const ctx = this.#canvas.getContext('2d')!;
    ctx.scale(devicePixelRatio, devicePixelRatio);
    const place = this.#place(data);
    paintCells(ctx, data, place);
    paintAxes(ctx, data, place, width);
    this.#placeBox(this.#shown);
  }

  #placeBox(box: Box | undefined): void {
    const data = this.#data;
    this.#box.hidden = box === undefined || data === undefined;
    if (!box || !data) return;
    const x = (time: string) => this.#x(Date.parse(time), data);
    const [left, right] = [Math.max(axisWidth, x(box.from)), Math.min(this.host.clientWidth, x(box.to))];
    const [top, bottom] = [
      Math.max(0, this.#y(box.ms_max, data)),
      Math.min(height - axisHeight, this.#y(box.ms_min, data)),
    ];
    Object.assign(this.#box.style, {
      left: `${left}px`,
      top: `${top}px`,
      width: `${Math.max(2, right - left)}px`,
      height: `${Math.max(2, bottom - top)}px`,
    });
  }

  #x(atMs: number, { from, to }: Distribution): number {
    const [start, end] = [Date.parse(from), Date.parse(to)];
    return axisWidth + ((atMs - start) / (end - start)) * (this.host.clientWidth - axisWidth);
  }

  #y(ms: number, data: Distribution): number {
    const { high, firstRow } = this.#place(data);
    const [least = 1, next = 2] = data.row_bounds_ms;
    const row = Math.log(Math.max(least, ms) / least) / Math.log(next / least);
    return height - axisHeight - (row - firstRow) * high;
  }

  #listen(): void {
    this.host.addEventListener('pointerdown', (event) => {
      if (event.button !== 0 || !this.#data) return;
      this.#start = [event.offsetX, event.offsetY];
      this.host.setPointerCapture(event.pointerId);
    });
    this.host.addEventListener('pointermove', (event) => {
      if (this.#start) this.#placeBox(this.#boxOf(this.#start, [event.offsetX, event.offsetY]));
      else this.#showTip(event);
    });
    this.host.addEventListener('pointerup', (event) => {
      const start = this.#start;
      this.#start = undefined;
      if (!start) return;
      const end: [number, number] = [event.offsetX, event.offsetY];
      if (Math.abs(start[0] - end[0]) < 4 && Math.abs(start[1] - end[1]) < 4) this.#placeBox(this.#shown);
      else this.#onBox(this.#boxOf(start, end));
    });
    this.host.addEventListener('pointerleave', () => {
      this.#tip.hidden = true;
    });
  }

  /** Whole cells: what is between them is in none. */
  #boxOf([x1, y1]: [number, number], [x2, y2]: [number, number]): Box {
    const one = this.#cellAt(x1, y1);
    const other = this.#cellAt(x2, y2);
    return this.#boxOfCells(one, other);
  }

  #cellAt(x: number, y: number): [number, number] {
    const data = this.#data!;
    const { wide, high, firstRow, rows } = this.#place(data);
    const column = Math.floor((x - axisWidth) / wide);
    const row = firstRow + Math.floor((height - axisHeight - y) / high);
    return [Math.min(data.columns - 1, Math.max(0, column)), Math.min(firstRow + rows - 1, Math.max(firstRow, row))];
  }

  #boxOfCells([column1, row1]: [number, number], [column2, row2]: [number, number]): Box {
    const { from, to, columns, row_bounds_ms: bounds } = this.#data!;
    const start = Date.parse(from);
    const step = (Date.parse(to) - start) / columns;
    const time = (column: number) => new Date(Math.round(start + column * step)).toISOString();
    return {
      from: time(Math.min(column1, column2)),
      to: time(Math.max(column1, column2) + 1),
      ms_min: bounds[Math.min(row1, row2)]!,
      ms_max: bounds[Math.max(row1, row2) + 1]!,
    };
  }

  #key(event: KeyboardEvent): void {
    const data = this.#data;
    if (!data) return;
    if (event.key === 'Enter' && this.#keys) {
      this.#onBox(this.#boxOfCells(this.#keys.from, this.#keys.to));
      return;
    }
    const [dx, dy] = steps[event.key] ?? [0, 0];
    if (dx === 0 && dy === 0) return;
    event.preventDefault();
    const busiest = data.cells.toSorted((a, b) => b.requests - a.requests)[0];
    const at: [number, number] = this.#keys?.to ?? [busiest?.column ?? 0, busiest?.row ?? 0];
    const { firstRow, rows } = this.#place(data);
    const to: [number, number] = [
      Math.min(data.columns - 1, Math.max(0, at[0] + dx)),
      Math.min(firstRow + rows - 1, Math.max(firstRow, at[1] + dy)),
    ];
    this.#keys = { from: event.shiftKey ? (this.#keys?.from ?? at) : to, to };
    this.#placeBox(this.#boxOfCells(this.#keys.from, to));
  }

  #showTip({ offsetX, offsetY }: PointerEvent): void {
    const data = this.#data;
    if (!data || offsetX < axisWidth) return;
    const [column, row] = this.#cellAt(offsetX, offsetY);
    const cell = data.cells.find((each) => each.column === column && each.row === row);
    this.#tip.hidden = !cell;
    if (!cell) return;
    const { from, ms_min: least, ms_max: most } = this.#boxOfCells([column, row], [column, row]);
    this.#tip.replaceChildren(
      element('strong', {}, clock(Date.parse(from))),
      element('span', {}, `${formatValue(least / 1000, 's')} to ${formatValue(most / 1000, 's')}`),
      element('span', {}, element('span', {}, 'requests'), element('b', {}, String(cell.requests))),
      cell.failed > 0 ? element('span', {}, element('span', {}, 'failed'), element('b', {}, String(cell.failed))) : '',
    );
    const isRight = offsetX > this.host.clientWidth / 2;
    this.#tip.style.left = isRight ? 'auto' : `${offsetX + 12}px`;
    this.#tip.style.right = isRight ? `${this.host.clientWidth - offsetX + 12}px` : 'auto';
    this.#tip.style.top = `${Math.max(0, offsetY - 20)}px`;
  }
}

function paintCells(ctx: CanvasRenderingContext2D, { cells }: Distribution, { wide, high, firstRow }: Place): void {
  const most = Math.max(1, ...cells.map(({ requests }) => requests));
  const [good, bad] = [colour('accent'), colour('red')];
  for (const { column, row, requests, failed } of cells) {
    const [x, bottom] = [axisWidth + column * wide, height - axisHeight - (row - firstRow) * high];
    const [width, tall] = [Math.max(1.5, wide - 0.5), Math.max(1.5, high - 0.5)];
    ctx.globalAlpha = 0.2 + 0.8 * Math.sqrt(requests / most);
    ctx.fillStyle = good;
    ctx.fillRect(x, bottom - tall, width, tall);
    // The part that failed is red from below.
    ctx.fillStyle = bad;
    if (failed > 0) ctx.fillRect(x, bottom - (tall * failed) / requests, width, (tall * failed) / requests);
  }
  ctx.globalAlpha = 1;
}

function paintAxes(ctx: CanvasRenderingContext2D, data: Distribution, place: Place, width: number): void {
  const { wide, high, firstRow, rows } = place;
  ctx.font = '11px system-ui, sans-serif';
  ctx.textBaseline = 'middle';
  for (const [row, bound] of data.row_bounds_ms.entries()) {
    const isDecade = row % 8 === 0;
    if (!isDecade || row < firstRow || row > firstRow + rows) continue;
    const y = height - axisHeight - (row - firstRow) * high;
    ctx.strokeStyle = colour('grid');
    ctx.beginPath();
    ctx.moveTo(axisWidth, y);
    ctx.lineTo(width, y);
    ctx.stroke();
    ctx.fillStyle = colour('muted');
    ctx.textAlign = 'right';
    ctx.fillText(formatValue(bound / 1000, 's'), axisWidth - 8, Math.min(height - axisHeight - 6, Math.max(6, y)));
  }
  ctx.textAlign = 'center';
  const start = Date.parse(data.from);
  const step = (Date.parse(data.to) - start) / data.columns;
  const marks = Math.max(2, Math.floor((width - axisWidth) / 110));
  for (let mark = 0; mark < marks; mark += 1) {
    const column = Math.floor(((mark + 0.5) / marks) * data.columns);
    ctx.fillText(clock(start + column * step), axisWidth + column * wide, height - axisHeight / 2);
  }
}

function described({ cells, requests }: Distribution): string {
  const failed = cells.reduce((sum, each) => sum + each.failed, 0);
  return `${requests} requests by time and duration, ${failed} of them failed`;
}
