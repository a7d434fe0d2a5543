import { isMarkedAsUntransferable } from 'node:worker_threads';
import type { LaneRun } from '../lanes/lane-messages.ts';
import { isStrings, type Tensor } from '../tensor.ts';
import { joinTensors } from './join-rows.ts';
import { joinPadded } from './pad-rows.ts';
import type { PaddedBatch } from './padding.ts';
import type { Batch, Waiting } from './waiting-inputs.ts';

export type AssembledBatch = {
  /** One, or one for each request where they run apart. */
  readonly runs: readonly LaneRun[];
  /** Buffers that go to the lane and are gone here. */
  readonly transfer: readonly ArrayBuffer[];
  /** Whether the inputs are copies, made for this batch. */
  readonly isJoined: boolean;
};

/**
 * The inputs of a batch as its lane takes them. Who copies what it is sent, or runs it where it is,
 * needs no copy of a single request.
 */
export function assembleBatch(
  batch: Batch,
  lane: 'thread' | 'process' | 'event-loop',
  padded?: PaddedBatch,
): AssembledBatch {
  const { entries } = batch;
  if (lane !== 'thread' && (batch.runsApart || entries.length === 1))
    return { runs: entries.map(({ inputs, outputs }) => ({ inputs, outputs })), transfer: [], isJoined: false };
  const transfer = new Set<ArrayBuffer>();
  const runs = batch.runsApart
    ? entries.map((entry) => ({ inputs: alone(entry, transfer), outputs: entry.outputs }))
    : [
        {
          inputs: entries.length === 1 ? alone(entries[0]!, transfer) : joined(entries, transfer, padded),
          outputs: outputsOf(entries),
        },
      ];
  return { runs, transfer: [...transfer], isJoined: entries.length > 1 && !batch.runsApart };
}

/** Its own buffers where they may be taken, else copies. */
function alone({ inputs, owned, isRepeatable }: Waiting, transfer: Set<ArrayBuffer>): readonly Tensor[] {
  // A run that may be repeated needs its inputs twice.
  const isTaken = owned !== undefined && !isRepeatable && owned.isHeldAlone;
  return inputs.map((tensor) => {
    const given = isTaken ? bufferOf(tensor) : undefined;
    if (given) transfer.add(given);
    return given ? tensor : handedOver(joinTensors([tensor]), transfer);
  });
}

function joined(
  entries: readonly Waiting[],
  transfer: Set<ArrayBuffer>,
  padded: PaddedBatch | undefined,
): readonly Tensor[] {
  return entries[0]!.inputs.map((_, index) => {
    const pieces = entries.map(({ inputs }) => inputs[index]!);
    const tensor = padded ? joinPadded(pieces, padded.padding.inputs[index]!, padded.lengths) : joinTensors(pieces);
    return handedOver(tensor, transfer);
  });
}

function handedOver(tensor: Tensor, transfer: Set<ArrayBuffer>): Tensor {
  const buffer = bufferOf(tensor);
  if (buffer) transfer.add(buffer);
  return tensor;
}

function outputsOf(entries: readonly Waiting[]): readonly string[] | undefined {
  if (entries.some(({ outputs }) => outputs === undefined || outputs.length === 0)) return undefined;
  if (entries.length === 1) return entries[0]?.outputs;
  return [...new Set(entries.flatMap(({ outputs }) => outputs ?? []))];
}

/**
 * The buffer under a tensor, if it can change hands: not for strings, nor for the pool that Node
 * cuts small buffers from.
 */
function bufferOf({ data }: Tensor): ArrayBuffer | undefined {
  if (isStrings(data) || !(data.buffer instanceof ArrayBuffer)) return undefined;
  return isMarkedAsUntransferable(data.buffer) ? undefined : data.buffer;
}
