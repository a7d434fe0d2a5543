import type { PlainMap, PlainRecord, Signal } from './otlp-json.ts';

/**
 * One row of the tables in cases/: what goes into the Collector and what must come out. The record
 * is in OTLP's JSON form, but attributes and bodies are plain values. Times, ids and a name are
 * filled in where a row leaves them out, and are then not compared.
 */
export type PipelineCase = {
  /** A sentence about the Collector: "masks …", "keeps …", "drops …". */
  does: string;
  signal: Signal;
  sent: PlainRecord;
  /** null: nothing must come out. Left out: exactly what was sent. */
  received?: PlainRecord | null;
  resource?: PlainMap;
  /** What of the resource must come out; left out, it is not compared. */
  receivedResource?: PlainMap;
  scope?: { name?: string; attributes?: PlainMap };
  receivedScope?: { attributes?: PlainMap };
  /** In the place of a comparison: this must be nowhere in what came out, and something must have. */
  canary?: string;
  /** Files of otel-collector/backends/ whose processors the record passes as well. */
  through?: 'prometheus' | 'loki';
};
