import type { Attributes } from '@opentelemetry/api';
import type { BatchFacts } from '../engine/inference.ts';

/** A batch, as its own span and the spans of its members' runs tell it. */
export function batchAttributes(batch: BatchFacts): Attributes {
  return {
    'inference.batch.id': batch.id,
    'inference.batch.requests': batch.inputs,
    'inference.batch.rows': batch.rows,
    ...(batch.rowsMax > 0 && { 'inference.batch.fill': batch.rows / batch.rowsMax }),
    // Rows are joined as they are: no batch is filled up.
    'inference.batch.padding': 0,
    'inference.batch.closed_by': batch.closedBy,
    'inference.batch.outcome': batch.outcome,
    'inference.lane': batch.lane,
    'inference.provider': batch.provider,
    'inference.session.duration_ms': microseconds(batch.sessionMs),
    'inference.cpu.duration_ms': microseconds(batch.cpuMs),
    ...(batch.gpu?.hwId !== undefined && { 'hw.id': batch.gpu.hwId }),
    ...(batch.gpu?.energy && {
      'inference.gpu.energy_joules': batch.gpu.energy.joules,
      'inference.gpu.energy_is': batch.gpu.energy.is,
    }),
  };
}

/** The clock is no finer: more digits would only be harder to read. */
function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** What tells it from all others, whoever has made it again from what is remembered: batches are numbered from one anew when their model is loaded. */
type BatchName = Pick<BatchFacts, 'model' | 'version' | 'id' | 'startedAt'>;

export function nameOfBatch({ model, version, id, startedAt }: BatchName): string {
  return `${model}\0${version}\0${id}\0${startedAt}`;
}

/** By their names, without writing them: thousands are compared when somebody looks one up. */
export function isSameBatch(one: BatchName | undefined, other: BatchName): boolean {
  return (
    one !== undefined &&
    one.startedAt === other.startedAt &&
    one.id === other.id &&
    one.model === other.model &&
    one.version === other.version
  );
}
