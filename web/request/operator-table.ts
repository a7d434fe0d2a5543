import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { formatValue } from '../format/format-value.ts';
import type { SpanNode } from './span-tree.ts';

const shownMax = 12;

/** The operators of a profiled run, summed by their type, those that took most first. */
export function operatorTable(every: readonly SpanNode[]): HTMLElement | undefined {
  const operators = every.filter(({ name }) => name === 'inference.operator');
  if (operators.length === 0) return undefined;
  const took = (nodes: readonly SpanNode[]) => nodes.reduce((sum, { start, end }) => sum + Number(end - start), 0);
  const whole = took(operators);
  const types = [...Map.groupBy(operators, (node) => attributeOf(node, 'onnx.op_type') ?? '')]
    .map(([type, nodes]) => ({
      type,
      nodes,
      ns: took(nodes),
      longest: nodes.toSorted((a, b) => took([b]) - took([a]))[0]!,
    }))
    .sort((a, b) => b.ns - a.ns);
  return element(
    'details',
    { class: 'operators', open: true },
    element('summary', {}, `Operators: ${operators.length} in ${formatValue(whole / 1e9, 's')}, by type`),
    scrollRegion(
      'Operators by type',
      gridTable(
        ['Type', 'Nodes', 'Took', 'Share', 'Longest node'].map((name, at) =>
          columnHead(name, at === 0 || at === 4 ? undefined : 'number'),
        ),
        types
          .slice(0, shownMax)
          .map(({ type, nodes, ns, longest }) =>
            element(
              'tr',
              {},
              element('th', { scope: 'row' }, type),
              element('td', { class: 'number' }, String(nodes.length)),
              element('td', { class: 'number' }, formatValue(ns / 1e9, 's')),
              element('td', { class: 'number' }, formatValue(ns / whole, 'percentunit', 1)),
              element(
                'td',
                { class: 'breaks' },
                `${attributeOf(longest, 'onnx.node.name') ?? longest.name} ${formatValue(took([longest]) / 1e9, 's')}`,
              ),
            ),
          ),
      ),
    ),
  );
}

function attributeOf({ attributes }: SpanNode, name: string): string | undefined {
  return attributes.find(([each]) => each === name)?.[1];
}
