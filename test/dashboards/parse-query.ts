import { parser as logQl } from '@grafana/lezer-logql';
import { parser as traceQl } from '@grafana/lezer-traceql';
import type { SyntaxNode, Tree } from '@lezer/common';
import { parser as promQl } from '@prometheus-io/lezer-promql';
import type { Query } from '../../observability/dashboards/query.ts';
import { fillVariables } from './fill-variables.ts';

const parsers = { prometheus: promQl, loki: logQl, tempo: traceQl };

/**
 * What is wrong with a query, by the grammar that Grafana’s editor uses; nothing when it can be
 * read.
 */
export function syntaxError({ source, expr }: Pick<Query, 'source' | 'expr'>): string | undefined {
  const text = fillVariables(expr);
  let found: string | undefined;
  parsers[source].parse(text).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) found ??= `at ${from}: "${text.slice(Math.max(0, from - 20), to + 20)}"`;
    },
  });
  return found;
}

/**
 * Every metric that a PromQL expression reads, and whether within rate(), increase() or the like.
 */
export function metricsRead(expr: string): { name: string; rated: boolean }[] {
  const text = fillVariables(expr);
  const tree: Tree = promQl.parse(text);
  const found: { name: string; rated: boolean }[] = [];
  tree.iterate({
    enter: ({ name, from, to, node }) => {
      if (name === 'VectorSelector') {
        const identifier = node.getChild('Identifier');
        if (identifier) found.push({ name: text.slice(identifier.from, identifier.to), rated: isRated(node) });
      }
      if (name === 'MetricIdentifier') found.push({ name: text.slice(from, to), rated: isRated(node) });
    },
  });
  return found;
}

function isRated(node: SyntaxNode): boolean {
  for (let at: SyntaxNode | null = node; at; at = at.parent) if (at.name === 'MatrixSelector') return true;
  return false;
}
