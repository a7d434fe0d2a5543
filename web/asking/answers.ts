// What the stores answer, as far as this page reads it.

export type Labels = Readonly<Record<string, string>>;
export type RangeResult = { metric: Labels; values: [number, string][] };
export type InstantResult = { metric: Labels; value: [number, string] };
export type Exemplar = { labels: Labels; value: string; timestamp: number };
export type LogLine = { labels: Labels; timeNs: bigint; line: string };
export type FoundTrace = {
  traceID: string;
  rootServiceName?: string;
  rootTraceName?: string;
  startTimeUnixNano: string;
  durationMs?: number;
};
