import type { StoreName } from '../stores.ts';
import { type Dialect, native } from './dialect.ts';
import { jaegerSearch } from './jaeger-search.ts';
import { logsql } from './logsql.ts';
import { metricsql } from './metricsql.ts';

/** How each store is asked. */
export const dialects: Readonly<Record<StoreName, Dialect>> = {
  prometheus: native,
  victoriametrics: metricsql,
  tempo: native,
  jaeger: jaegerSearch,
  loki: native,
  victorialogs: logsql,
};
