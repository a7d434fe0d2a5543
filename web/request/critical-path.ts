import type { SpanNode } from './span-tree.ts';

/**
 * The spans that the end of the root waited for: from its end backwards, at each moment the child
 * that ended last. Making another one faster changes nothing.
 */
export function criticalPath(root: SpanNode): Set<SpanNode> {
  const path = new Set<SpanNode>();
  walk(root, root.end, path);
  return path;
}

function walk(node: SpanNode, until: bigint, path: Set<SpanNode>): void {
  path.add(node);
  let end = until;
  const byEnd = node.children.toSorted((a, b) => (a.end > b.end ? -1 : a.end < b.end ? 1 : 0));
  for (const child of byEnd) {
    // What ended after this moment, or began after the parent, held up nothing before it.
    if (child.end > end || child.end <= node.start) continue;
    walk(child, child.end, path);
    end = child.start;
  }
}
