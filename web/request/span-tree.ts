// Tempo's answer as a tree. Times are nanoseconds, which take BigInt.

type Attribute = { key: string; value: Record<string, unknown> };

type TempoSpan = {
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind?: string | number;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: Attribute[];
  events?: { name: string; timeUnixNano?: string; attributes?: Attribute[] }[];
  links?: { traceId: string; spanId: string }[];
  status?: { code?: string | number; message?: string };
};

export type TempoTrace = {
  trace?: {
    resourceSpans?: { resource?: { attributes?: Attribute[] }; scopeSpans?: { spans?: TempoSpan[] }[] }[];
  };
};

export type SpanNode = {
  id: string;
  name: string;
  service: string;
  start: bigint;
  end: bigint;
  depth: number;
  parent: SpanNode | undefined;
  children: SpanNode[];
  failed: boolean;
  message: string;
  attributes: [string, string][];
  events: { name: string; attributes: [string, string][] }[];
  links: { traceId: string; spanId: string }[];
};

/**
 * Roots first, each with its children by their start. A span whose parent is not there is a root:
 * parents may come later, or be another's.
 */
export function spanTree({ trace }: TempoTrace): SpanNode[] {
  const nodes = new Map<string, SpanNode>();
  const parents = new Map<string, string>();
  for (const { resource, scopeSpans = [] } of trace?.resourceSpans ?? []) {
    const service = textsOf(resource?.attributes).find(([key]) => key === 'service.name')?.[1] ?? '';
    for (const span of scopeSpans.flatMap(({ spans = [] }) => spans)) {
      const node = asNode(span, service);
      nodes.set(node.id, node);
      if (span.parentSpanId) parents.set(node.id, hex(span.parentSpanId));
    }
  }
  const roots: SpanNode[] = [];
  for (const node of nodes.values()) {
    const parent = nodes.get(parents.get(node.id) ?? '');
    node.parent = parent;
    (parent?.children ?? roots).push(node);
  }
  settle(roots, 0);
  return roots;
}

/** Every span in the order in which a person reads them. */
export function inOrder(roots: readonly SpanNode[], isOpen: (node: SpanNode) => boolean = () => true): SpanNode[] {
  return roots.flatMap((node) => [node, ...(isOpen(node) ? inOrder(node.children, isOpen) : [])]);
}

function settle(nodes: SpanNode[], depth: number): void {
  nodes.sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : a.end > b.end ? -1 : 1));
  for (const node of nodes) {
    node.depth = depth;
    settle(node.children, depth + 1);
  }
}

/** A run that failed says so by its outcome or its error; its status is that of the whole. */
function isFailed({ status }: TempoSpan, attributes: readonly [string, string][]): boolean {
  if (status?.code === 2 || status?.code === 'STATUS_CODE_ERROR') return true;
  return attributes.some(
    ([name, value]) => name === 'error.type' || (name === 'inference.batch.outcome' && value !== 'ran'),
  );
}

function asNode(span: TempoSpan, service: string): SpanNode {
  const attributes = textsOf(span.attributes);
  return {
    id: hex(span.spanId),
    name: span.name,
    service,
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
    depth: 0,
    parent: undefined,
    children: [],
    failed: isFailed(span, attributes),
    message: span.status?.message ?? '',
    attributes,
    events: (span.events ?? []).map(({ name, attributes }) => ({ name, attributes: textsOf(attributes) })),
    links: (span.links ?? []).map(({ traceId, spanId }) => ({ traceId: hex(traceId), spanId: hex(spanId) })),
  };
}

function textsOf(attributes: readonly Attribute[] = []): [string, string][] {
  return attributes.map(({ key, value }) => [key, textOf(value)]);
}

function textOf(value: Record<string, unknown>): string {
  const [given] = Object.values(value);
  if (typeof given !== 'object' || given === null) return String(given);
  const { values } = given as { values?: Record<string, unknown>[] };
  return values ? values.map(textOf).join(', ') : JSON.stringify(given);
}

/** Ids come as hex from some of Tempo's routes and as base64 from others. */
function hex(id: string): string {
  if (/^(?:[0-9a-f]{16}|[0-9a-f]{32})$/.test(id)) return id;
  return [...atob(id)].map((character) => character.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}
