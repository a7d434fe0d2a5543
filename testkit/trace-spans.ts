/** A span as Tempo has it, its own attributes and its resource's together, as Grafana’s tags. */
export type StoredSpan = {
  traceId: string;
  name: string;
  attributes: Record<string, string>;
  startMs: number;
  endMs: number;
};

/** All spans of a trace; undefined while Tempo does not have it. */
export async function traceSpans(tempo: string, traceId: string): Promise<StoredSpan[] | undefined> {
  const answer = await fetch(`${tempo}/api/traces/${traceId}`, { signal: AbortSignal.timeout(30_000) });
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`Tempo answered ${answer.status} to ${traceId}`);
  const { batches = [] } = (await answer.json()) as { batches?: Batch[] };
  const spans = batches.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap((scope) =>
      scope.spans.map((span) => ({
        traceId,
        name: span.name,
        attributes: { ...texts(resource.attributes), ...texts(span.attributes) },
        startMs: Number(BigInt(span.startTimeUnixNano) / 1_000_000n),
        endMs: Number(BigInt(span.endTimeUnixNano) / 1_000_000n),
      })),
    ),
  );
  return spans.length === 0 ? undefined : spans;
}

export function findSpan(spans: readonly StoredSpan[] | undefined, name: string): StoredSpan | undefined {
  return spans?.find((span) => span.name === name);
}

type Value = { stringValue?: string; intValue?: string; doubleValue?: number; boolValue?: boolean };
type Attribute = { key: string; value: Value };
type Batch = {
  resource: { attributes?: Attribute[] };
  scopeSpans: {
    spans: { name: string; attributes?: Attribute[]; startTimeUnixNano: string; endTimeUnixNano: string }[];
  }[];
};

function texts(attributes: readonly Attribute[] = []): Record<string, string> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, String(Object.values(value)[0])]));
}
