import { element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import { inOrder, type SpanNode } from './span-tree.ts';

const services = ['var(--series-1)', 'var(--series-2)', 'var(--series-4)', 'var(--series-3)', 'var(--series-6)'];

export type Waterfall = { host: HTMLElement; select(spanId: string, focus: boolean): void };

/** The spans as a tree beside their time. Arrow keys walk it, left and right fold; what is chosen is told to `chosen`. */
export function spanWaterfall(roots: readonly SpanNode[], chosen: (node: SpanNode) => void): Waterfall {
  const every = inOrder(roots);
  const start = every.reduce((least, node) => (node.start < least ? node.start : least), every[0]!.start);
  const end = every.reduce((most, node) => (node.end > most ? node.end : most), every[0]!.end);
  const total = Math.max(1, Number(end - start));
  const folded = new Set<SpanNode>();
  const names = [...new Set(every.map(({ service }) => service))];
  let current = every[0]!;
  const rows = element('div', {
    class: 'spans',
    role: 'treegrid',
    'aria-label': 'Spans',
    'aria-rowcount': every.length,
    onkeydown: (event) => walk(event as KeyboardEvent),
  });
  const host = element(
    'div',
    { class: 'waterfall' },
    element(
      'div',
      { class: 'span-axis', 'aria-hidden': 'true' },
      element('span', {}, `${every.length} ${every.length === 1 ? 'span' : 'spans'}`),
      element(
        'span',
        { class: 'ticks' },
        [0, 0.25, 0.5, 0.75, 1].map((part) =>
          element('i', { style: { left: `${part * 100}%` } }, seconds(total * part)),
        ),
      ),
    ),
    rows,
  );
  draw();
  return {
    host,
    select(spanId, focus) {
      const node = every.find(({ id }) => id === spanId);
      if (!node) return;
      for (let above = node.parent; above; above = above.parent) folded.delete(above);
      choose(node, focus);
    },
  };

  function draw(): void {
    rows.replaceChildren(...inOrder(roots, (node) => !folded.has(node)).map(row));
  }

  function row(node: SpanNode): HTMLElement {
    const left = (Number(node.start - start) / total) * 100;
    const width = (Number(node.end - node.start) / total) * 100;
    const took = seconds(Number(node.end - node.start));
    return element(
      'div',
      {
        class: `span${node.failed ? ' failed' : ''}`,
        role: 'row',
        'aria-level': node.depth + 1,
        'aria-expanded': node.children.length === 0 ? undefined : String(!folded.has(node)),
        'aria-selected': String(node === current),
        tabindex: node === current ? 0 : -1,
        'data-span': node.id,
        onclick: () => choose(node, true),
      },
      element(
        'span',
        { role: 'gridcell', class: 'span-name', style: { 'padding-left': `${node.depth * 14 + 6}px` } },
        element(
          'span',
          { class: 'fold', 'aria-hidden': 'true', onclick: (event) => fold(event, node) },
          node.children.length === 0 ? '' : folded.has(node) ? '▸' : '▾',
        ),
        node.failed && element('span', { class: 'flag', title: 'failed' }, '!'),
        node.name,
        detailOf(node),
      ),
      element(
        'span',
        {
          role: 'gridcell',
          class: 'span-lane',
          'aria-label': `begins at ${seconds(Number(node.start - start))}, takes ${took}`,
        },
        element('i', {
          style: {
            left: `${left}%`,
            width: `max(2px, ${width}%)`,
            background: node.failed ? 'var(--red)' : services[names.indexOf(node.service) % services.length]!,
          },
        }),
        element('em', { style: { left: `${left + width}%` } }, took),
      ),
    );
  }

  function choose(node: SpanNode, focus: boolean): void {
    current = node;
    draw();
    if (focus) rows.querySelector<HTMLElement>('[tabindex="0"]')?.focus();
    chosen(node);
  }

  function fold(event: Event, node: SpanNode): void {
    if (node.children.length === 0) return;
    event.stopPropagation();
    if (!folded.delete(node)) folded.add(node);
    choose(node, true);
  }

  function walk(event: KeyboardEvent): void {
    const shown = inOrder(roots, (node) => !folded.has(node));
    const at = shown.indexOf(current);
    const to = target();
    if (!to) return;
    event.preventDefault();
    choose(to, true);

    function target(): SpanNode | undefined {
      switch (event.key) {
        case 'ArrowDown':
          return shown[at + 1];
        case 'ArrowUp':
          return shown[at - 1];
        case 'Home':
          return shown[0];
        case 'End':
          return shown.at(-1);
        case 'ArrowRight':
          return folded.delete(current) ? current : current.children[0];
        case 'ArrowLeft':
          if (current.children.length === 0 || folded.has(current)) return current.parent;
          folded.add(current);
          return current;
        default:
          return undefined;
      }
    }
  }
}

/** What tells spans of the same name apart. */
function detailOf({ attributes }: SpanNode): HTMLElement | undefined {
  const found =
    attributes.find(([name]) => name === 'onnx.op_type') ??
    attributes.find(([name]) => name === 'inference.model.name');
  return found && element('span', { class: 'quiet' }, ` ${found[1]}`);
}

function seconds(nanoseconds: number): string {
  return formatValue(nanoseconds / 1e9, 's');
}
