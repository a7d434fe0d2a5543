import { ServiceError } from '../errors.ts';
import { Breaker } from '../resilience/breaker.ts';
import type { Padding } from './batching/padding.ts';
import type { EngineObserver } from './engine-observer.ts';
import type { GpuMeter } from './inference.ts';
import type { AbandonedLanes } from './lanes/abandoned-lanes.ts';
import { haveDataIndependentCost } from './lanes/constant-cost-operators.ts';
import type { SessionRequest } from './lanes/lane-messages.ts';
import { Lanes } from './lanes/lanes.ts';
import type { PaddingTrial } from './lanes/prove-padding.ts';
import type { RowProof } from './lanes/prove-rows.ts';
import { Shortcut } from './lanes/shortcut.ts';
import { logLoadWarnings, logNoShortcut } from './log-load.ts';
import { LoadedModel } from './model.ts';
import { completeManifest, toBeProven, withPaddingProof, withProof } from './registry/complete-manifest.ts';
import type { Manifest } from './registry/manifest.ts';
import type { ManifestFile } from './registry/manifest-schema.ts';
import { readOnnx } from './registry/read-onnx.ts';
import { proofKey, type RowProofs } from './registry/row-proofs.ts';
import type { SizeLimits } from './registry/shape-bounds.ts';
import { checkState } from './sequences/model-state.ts';
import type { SequenceBudgets } from './sequences/sequence-budgets.ts';
import { sessionRequest } from './session-request.ts';

export type OpenOptions = {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly given: ManifestFile;
  readonly abandoned: AbandonedLanes;
  readonly breaker: { readonly failuresMax: number; readonly openMs: number };
  readonly loadMsMax: number;
  /** Of a lane that is a process, during a run; 0: no limit. */
  readonly laneMemoryBytesMax: number;
  /** The longest run on the event loop; 0: none. */
  readonly shortcutMsMax: number;
  readonly observer: EngineObserver;
  readonly gpu: GpuMeter | undefined;
  readonly sizeLimits: SizeLimits;
  readonly rowProofs: RowProofs;
  readonly rowProofMsMax: number;
  readonly sequenceBudgets: SequenceBudgets;
};

/**
 * Reads the file, opens the lanes, proves provider and batching on a probe, warms up. Throws
 * invalid_model or lane_crashed.
 */
export async function openModel(options: OpenOptions): Promise<LoadedModel> {
  const { file, given, abandoned } = options;
  const declared = completeManifest(given, await readOnnx(file), options);
  checkState(declared);
  const { name } = declared;
  const { kind, count } = declared.lanes;
  const isToBeTried = declared.batchingBecause.reason === toBeProven || declared.padding !== undefined;
  const key = isToBeTried ? await proofKey(file, declared) : undefined;
  const known = key === undefined ? undefined : await options.rowProofs.find(key);
  const rowTrial = key === undefined ? undefined : rowTrialOf(declared, known, options.rowProofMsMax);
  const request = { ...sessionRequest(declared, file), rowTrial };
  const { loadMsMax: openMsMax, laneMemoryBytesMax: memoryBytesMax } = options;
  const open = (asked: SessionRequest) =>
    Lanes.open({ model: name, kind, count, openMsMax, memoryBytesMax, request: asked, abandoned });
  const lanes = await open(request).catch((error: Error) => {
    // The trial of the rows may be what ended its lane: then requests run alone, as they could
    // without it.
    if (rowTrial === undefined || !(error instanceof ServiceError) || error.code !== 'lane_crashed') throw error;
    return open({ ...request, rowTrial: { ...rowTrial, known: laneLost } });
  });
  const { rowProof } = lanes;
  const manifest = rowProof ? proven(declared, rowProof, options.sizeLimits) : declared;
  if (key !== undefined && rowProof && known?.provider !== rowProof.provider && rowProof.reason !== laneLost.reason)
    await options.rowProofs.keep(key, rowProof);
  logLoadWarnings(manifest, declared, lanes.report);
  const { shortcutMsMax, observer, gpu, sequenceBudgets } = options;
  const shortcut = await Shortcut.open(manifest, request, lanes.report, shortcutMsMax).catch((error: Error) =>
    logNoShortcut(manifest, error),
  );
  const breaker = new Breaker(options.breaker);
  return new LoadedModel({ file, manifest, lanes, shortcut, breaker, observer, gpu, sequenceBudgets });
}

/** Not kept: the next load may find out. */
const laneLost: RowProof = { rowsMax: 0, reason: 'the lane was lost when its rows were tried', provider: 'cpu' };

/** A rule for rows of different lengths stands beside rows_max, so only one of both is tried. */
function proven(declared: Manifest, proof: RowProof, limits: SizeLimits): Manifest {
  return declared.padding ? withPaddingProof(declared, proof) : withProof(declared, proof, limits);
}

function rowTrialOf(manifest: Manifest, known: RowProof | undefined, msMax: number): SessionRequest['rowTrial'] {
  const { inputs, probe_dimensions, batching, onnx, padding, mask } = manifest;
  return {
    inputs,
    probe_dimensions,
    extremes: haveDataIndependentCost(onnx.operators),
    rowsMax: batching.rows_max,
    msMax,
    known,
    padding: padding && { padding, mask, bounds: boundsOf(manifest, padding) },
  };
}

function boundsOf({ bounds }: Manifest, { dimensions }: Padding): PaddingTrial['bounds'] {
  return dimensions.map(({ input, axis }) => ({ min: bounds.min[input]![axis]!, max: bounds.max[input]![axis]! }));
}
