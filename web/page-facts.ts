import { askJson } from './asking/ask.ts';

export type PageFacts = {
  version: string;
  environment: string;
  client: string;
  admin: boolean;
  backends: string[];
  grafana: string | null;
  exportIntervalSeconds: number;
};

export function pageFacts(signal: AbortSignal): Promise<PageFacts> {
  return askJson<PageFacts>('/page/facts', { signal });
}
