import { element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import type { SpanNode } from './span-tree.ts';

const services = ['var(--series-1)', 'var(--series-2)', 'var(--series-4)', 'var(--series-3)', 'var(--series-6)'];

/**
 * When the spans of a waterfall begin and how long they take, in nanoseconds, and the services they
 * are from.
 */
export type SpanScale = { start: bigint; total: number; services: readonly string[] };

export type SpanRowState = {
  isFolded: boolean;
  isChosen: boolean;
  isCritical: boolean;
  /** Undefined: nobody searches. */
  isFound: boolean | undefined;
  onChoose: () => void;
  onFold: (event: Event) => void;
};

/** A span's name, indented by its depth, beside its bar. */
export function spanRow(node: SpanNode, scale: SpanScale, state: SpanRowState): HTMLElement {
  const hasChildren = node.children.length > 0;
  return element(
    'div',
    {
      class: classOf(node, state),
      role: 'row',
      'aria-level': node.depth + 1,
      'aria-expanded': hasChildren ? String(!state.isFolded) : undefined,
      'aria-selected': String(state.isChosen),
      tabindex: state.isChosen ? 0 : -1,
      'data-span': node.id,
      onclick: state.onChoose,
    },
    element(
      'span',
      { role: 'gridcell', class: 'span-name', style: { 'padding-left': `${node.depth * 14 + 6}px` } },
      element(
        'span',
        { class: 'fold', 'aria-hidden': 'true', onclick: state.onFold },
        hasChildren ? (state.isFolded ? '▸' : '▾') : '',
      ),
      node.failed && element('span', { class: 'flag', title: 'failed' }, '!'),
      node.name,
      detailOf(node),
    ),
    spanLane(node, scale),
  );
}

function classOf({ failed }: SpanNode, { isCritical, isFound }: SpanRowState): string {
  const found = isFound === undefined ? '' : isFound ? ' found' : ' not-found';
  return `span${failed ? ' failed' : ''}${isCritical ? ' critical' : ''}${found}`;
}

function spanLane(node: SpanNode, { start, total, services: names }: SpanScale): HTMLElement {
  const share = (at: bigint) => Math.min(100, Math.max(0, (Number(at - start) / total) * 100));
  const left = share(node.start);
  const width = share(node.end) - left;
  const isOutside = node.end < start || Number(node.start - start) > total;
  const took = seconds(Number(node.end - node.start));
  const background = node.failed ? 'var(--red)' : services[names.indexOf(node.service) % services.length]!;
  return element(
    'span',
    {
      role: 'gridcell',
      class: 'span-lane',
      'aria-label': `begins at ${seconds(Number(node.start - start))}, takes ${took}`,
    },
    !isOutside && element('i', { style: { left: `${left}%`, width: `max(2px, ${width}%)`, background } }),
    element('em', { style: { left: `${left + width}%` } }, took),
  );
}

/** Distinguishes spans of the same name. */
function detailOf({ attributes }: SpanNode): HTMLElement | undefined {
  const found =
    attributes.find(([name]) => name === 'onnx.op_type') ??
    attributes.find(([name]) => name === 'inference.model.name');
  return found && element('span', { class: 'quiet' }, ` ${found[1]}`);
}

export function seconds(nanoseconds: number): string {
  return formatValue(nanoseconds / 1e9, 's');
}
