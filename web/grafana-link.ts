/** A link into Grafana, where one is configured: to nowhere else does this page link. */
export function grafanaLink({ grafana }: { grafana: string | null }, path: string): string | undefined {
  if (grafana === null || !/^https?:\/\//.test(grafana)) return undefined;
  return `${grafana.replace(/\/$/, '')}${path}`;
}
