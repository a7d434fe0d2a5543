import { askJson } from './asking/ask.ts';

export type PageFacts = {
  version: string;
  environment: string;
  client: string;
  admin: boolean;
  backends: string[];
  /** The titles of the stores that answer this page. */
  stores: { metrics: string; traces: string; logs: string };
  grafana: string | null;
  exportIntervalSeconds: number;
};

export function pageFacts(signal: AbortSignal): Promise<PageFacts> {
  return askJson<PageFacts>('/page/facts', { signal });
}
