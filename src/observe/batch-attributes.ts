import type { Attributes } from '@opentelemetry/api';
import type { BatchFacts } from '../engine/inference.ts';
import { attribute } from '../telemetry/names/names.ts';

/** A batch, on its own span and on the spans of its members' runs. */
export function batchAttributes(batch: BatchFacts): Attributes {
  return {
    [attribute.batchId]: batch.id,
    [attribute.batchRequests]: batch.inputs,
    [attribute.batchRows]: batch.rows,
    ...(batch.rowsMax > 0 && { [attribute.batchFill]: batch.rows / batch.rowsMax }),
    [attribute.batchPadding]: batch.paddingShare,
    [attribute.batchPaddingBytes]: batch.paddingBytes,
    [attribute.batchClosedBy]: batch.closedBy,
    [attribute.batchOutcome]: batch.outcome,
    [attribute.lane]: batch.lane,
    [attribute.provider]: batch.provider,
    [attribute.sessionMs]: microseconds(batch.sessionMs),
    [attribute.cpuMs]: microseconds(batch.cpuMs),
    ...(batch.gpu?.hwId !== undefined && { [attribute.hwId]: batch.gpu.hwId }),
    ...(batch.gpu?.energy && {
      [attribute.gpuEnergyJoules]: batch.gpu.energy.joules,
      [attribute.gpuEnergyIs]: batch.gpu.energy.is,
    }),
  };
}

/** The clock is no finer: more digits would only be harder to read. */
function microseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/**
 * Identifies a batch across copies. Batches are numbered from one again when their model is
 * loaded.
 */
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
