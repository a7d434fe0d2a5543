export type Served = {
  arrivals: number;
  answered: number;
  refused: number;
  expired: number;
  left: number;
  failed: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  mean_ms: number;
  max_ms: number;
  queue_p50_ms: number;
  queue_p95_ms: number;
  batches: number;
  requests_each: number;
  utilisation: number;
};

/** What POST /v1/what-if answers. */
export type WhatIfAnswer = {
  model: string;
  version: string;
  from: string;
  to: string;
  was: Served;
  unchanged: Served;
  changed: Served;
  notes: string[];
  manifest: Record<string, unknown>;
};
