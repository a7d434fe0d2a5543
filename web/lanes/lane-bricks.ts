import { element } from '../dom/element.ts';
import { clock } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import { hashOf } from '../route.ts';

export type Batch = {
  model: string | null;
  version: string | null;
  lane: string;
  id: number;
  started_at: string;
  duration_ms: number;
  requests: number;
  rows: number;
  rows_max: number;
  closed_by: string;
  outcome: string;
  tenants: string[];
};
export type Batches = {
  is_whole: boolean;
  batches: Batch[];
  loads: { model: string; version: string; started_at: string; duration_ms: number; result: string }[];
};

type Span = { from: number; to: number };

/** A line for each lane and model, its batches as bricks; colours are tenants. */
export function drawLanes({ batches, loads, is_whole }: Batches, span: Span, onChoice: (about: HTMLElement) => void) {
  const tenants = [...new Set(batches.flatMap(({ tenants: of }) => of))].sort();
  const lanes = [...Map.groupBy(batches, ({ lane, model }) => `${lane} ${model ?? '(other)'}`)].sort(([a], [b]) =>
    a.localeCompare(b, undefined, { numeric: true }),
  );
  return element(
    'div',
    {},
    timeAxis(span),
    lanes.map(([name, of]) => laneLine(name, of, span, tenants, onChoice)),
    loads.length > 0 &&
      element(
        'div',
        { class: 'lane' },
        element('span', { class: 'lane-name' }, 'loads'),
        element(
          'span',
          { class: 'lane-line' },
          loads.map((load) => loadBrick(load, span)),
        ),
      ),
    element(
      'p',
      { class: 'quiet legend-line' },
      tenants.map((tenant) => [element('i', { style: { background: colourOf(tenant, tenants) } }), `${tenant} `]),
      is_whole ? '' : 'Some batches of this time are forgotten (VITRINE_FLIGHT_BATCHES_MAX).',
    ),
  );
}

function timeAxis({ from, to }: Span): HTMLElement {
  return element(
    'div',
    { class: 'lane', 'aria-hidden': 'true' },
    element('span', { class: 'lane-name' }),
    element(
      'span',
      { class: 'lane-line axis' },
      [0, 0.25, 0.5, 0.75].map((part) =>
        element('em', { style: { left: `${part * 100}%` } }, clock(from + (to - from) * part)),
      ),
    ),
  );
}

/** So many bricks are elements; of more, the longest are. */
const bricksMax = 400;

function laneLine(
  name: string,
  batches: readonly Batch[],
  span: Span,
  tenants: readonly string[],
  onChoice: (about: HTMLElement) => void,
): HTMLElement {
  const shown = batches.length <= bricksMax ? batches : batches.toSorted((a, b) => b.duration_ms - a.duration_ms);
  const busyMs = batches.reduce((sum, batch) => sum + sharedMs(batch, span), 0);
  const busy = formatValue(busyMs / (span.to - span.from), 'percentunit', 0);
  return element(
    'div',
    { class: 'lane', role: 'group', 'aria-label': `${name}: ${batches.length} batches, busy ${busy}` },
    element('span', { class: 'lane-name' }, name, element('small', {}, ` ${busy}`)),
    element(
      'span',
      { class: 'lane-line' },
      shown
        .slice(0, bricksMax)
        .toSorted((a, b) => a.started_at.localeCompare(b.started_at))
        .map((batch, at) => brick(batch, { span, tenants, isFirst: at === 0, onChoice })),
    ),
  );
}

function brick(
  batch: Batch,
  of: { span: Span; tenants: readonly string[]; isFirst: boolean; onChoice: (about: HTMLElement) => void },
): HTMLElement {
  const { left, width } = placeOf(batch, of.span);
  const says = `${batch.rows} rows of ${batch.tenants.join(', ') || 'nobody'}, ${formatValue(batch.duration_ms / 1000, 's')}`;
  return element(
    'button',
    {
      type: 'button',
      class: `brick ${batch.outcome === 'ran' ? '' : 'bad'}`,
      title: says,
      'aria-label': says,
      // One stop for the keyboard a lane; arrow keys go on.
      tabindex: of.isFirst ? 0 : -1,
      style: {
        left: `${left}%`,
        width: `max(3px, ${width}%)`,
        background: batch.outcome === 'ran' ? colourOf(batch.tenants[0] ?? '', of.tenants) : 'var(--red)',
      },
      onclick: () => of.onChoice(aboutBatch(batch)),
      onkeydown: (event) => walk(event as KeyboardEvent),
    },
    width > 2 ? String(batch.rows) : '',
  );
}

function walk(event: KeyboardEvent): void {
  const from = event.currentTarget as HTMLElement;
  const to =
    event.key === 'ArrowRight'
      ? from.nextElementSibling
      : event.key === 'ArrowLeft'
        ? from.previousElementSibling
        : null;
  if (!(to instanceof HTMLElement)) return;
  event.preventDefault();
  from.tabIndex = -1;
  to.tabIndex = 0;
  to.focus();
}

function aboutBatch(batch: Batch): HTMLElement {
  const at = Date.parse(batch.started_at);
  const facts: [string, string][] = [
    ['model', `${batch.model ?? 'another model'} ${batch.version ?? ''}`],
    ['lane', batch.lane],
    ['began', clock(at, true)],
    ['took', formatValue(batch.duration_ms / 1000, 's')],
    ['requests', String(batch.requests)],
    ['rows', batch.rows_max > 0 ? `${batch.rows} of ${batch.rows_max}` : String(batch.rows)],
    ['tenants', batch.tenants.join(', ') || 'nobody asked for it'],
    ['batch closed', batch.closed_by],
    ['outcome', batch.outcome],
  ];
  const until = new Date(at + batch.duration_ms + 2_000).toISOString();
  const around = new URLSearchParams({
    from: batch.started_at,
    to: until,
    ...(batch.model !== null && { model: batch.model }),
  });
  return element(
    'div',
    {},
    element('h2', {}, `Batch ${batch.id}`),
    element(
      'dl',
      { class: 'facts' },
      facts.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
    ),
    element('a', { class: 'button small', href: hashOf(['requests'], around) }, 'Requests of that time'),
  );
}

function loadBrick(load: Batches['loads'][number], span: Span): HTMLElement {
  const { left, width } = placeOf(load, span);
  const says = `load of ${load.model} ${load.version}: ${load.result}, ${formatValue(load.duration_ms / 1000, 's')}`;
  return element('span', {
    class: 'brick',
    role: 'img',
    title: says,
    'aria-label': says,
    style: { left: `${left}%`, width: `max(3px, ${width}%)`, background: 'var(--purple)' },
  });
}

function placeOf({ started_at, duration_ms }: Pick<Batch, 'started_at' | 'duration_ms'>, { from, to }: Span) {
  const share = (ms: number) => Math.min(100, Math.max(0, ((ms - from) / (to - from)) * 100));
  const at = Date.parse(started_at);
  return { left: share(at), width: share(at + duration_ms) - share(at) };
}

function sharedMs({ started_at, duration_ms }: Batch, { from, to }: Span): number {
  const at = Date.parse(started_at);
  return Math.max(0, Math.min(to, at + duration_ms) - Math.max(from, at));
}

function colourOf(tenant: string, tenants: readonly string[]): string {
  return `var(--series-${(Math.max(0, tenants.indexOf(tenant)) % 8) + 1})`;
}
