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

/** A link into Grafana, where one is configured: to nowhere else does this page link. */
export function grafanaLink({ grafana }: Pick<PageFacts, 'grafana'>, path: string): string | undefined {
  if (grafana === null || !/^https?:\/\//.test(grafana)) return undefined;
  return `${grafana.replace(/\/$/, '')}${path}`;
}
