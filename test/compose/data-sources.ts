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
};

/** Grafana's data sources, as provisioned. */
export const dataSources = (
  parse(readFileSync(join(import.meta.dirname, '../../grafana/provisioning/datasources/datasources.yaml'), 'utf8')) as {
    datasources: DataSource[];
  }
).datasources;
