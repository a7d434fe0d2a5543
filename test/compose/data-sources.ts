import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

export type DataSource = {
  uid: string;
  type: string;
  url: string;
  isDefault?: boolean;
  editable: boolean;
  jsonData: Record<string, unknown>;
  secureJsonData?: Record<string, string>;
};

/** Grafana's data sources, as provisioned. */
export const dataSources = (
  parse(readFileSync(join(import.meta.dirname, '../../grafana/provisioning/datasources/datasources.yaml'), 'utf8')) as {
    datasources: DataSource[];
  }
).datasources;

export function dataSource(uid: string): DataSource {
  const found = dataSources.find((source) => source.uid === uid);
  if (found === undefined) throw new Error(`There is no data source ${uid}`);
  return found;
}
