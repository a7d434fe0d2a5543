import { Breaker } from '../resilience/breaker.ts';
import type { EngineObserver } from './engine-observer.ts';
import type { GpuMeter } from './inference.ts';
import type { AbandonedLanes } from './lanes/abandoned-lanes.ts';
import type { SessionReport } from './lanes/lane-messages.ts';
import { Lanes } from './lanes/lanes.ts';
import { Shortcut } from './lanes/shortcut.ts';
import { logLoadWarnings, logNoShortcut } from './log-load.ts';
import { LoadedModel } from './model.ts';
import { completeManifest } from './registry/complete-manifest.ts';
import type { Manifest } from './registry/manifest.ts';
import type { ManifestFile } from './registry/manifest-schema.ts';
import { readOnnx } from './registry/read-onnx.ts';
import { type SizeLimits, shapeBounds } from './registry/shape-bounds.ts';
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
};

/**
 * Reads the file, opens the lanes, proves provider and batching on a probe, warms up. Throws
 * invalid_model or lane_crashed.
 */
export async function openModel(options: OpenOptions): Promise<LoadedModel> {
  const { file, given, abandoned } = options;
  const declared = completeManifest(given, await readOnnx(file), options);
  const { name } = declared;
  const { kind, count } = declared.lanes;
  const request = sessionRequest(declared, file);
  const { loadMsMax: openMsMax, laneMemoryBytesMax: memoryBytesMax } = options;
  const lanes = await Lanes.open({ model: name, kind, count, openMsMax, memoryBytesMax, request, abandoned });
  const manifest = withProvenBatching(declared, lanes.report, options.sizeLimits);
  logLoadWarnings(manifest, declared, lanes.report);
  const { shortcutMsMax, observer, gpu } = options;
  const shortcut = await Shortcut.open(manifest, request, lanes.report, shortcutMsMax).catch((error: Error) =>
    logNoShortcut(manifest, error),
  );
  return new LoadedModel({ file, manifest, lanes, shortcut, breaker: new Breaker(options.breaker), observer, gpu });
}

/** Where rows do not agree, the first dimension is a free one like the others. */
function withProvenBatching(manifest: Manifest, { rowsAgree }: SessionReport, sizeLimits: SizeLimits): Manifest {
  if (rowsAgree !== false) return manifest;
  const batching = { ...manifest.batching, rows_max: 0 };
  return { ...manifest, batching, bounds: shapeBounds(manifest.name, manifest, manifest, batching, sizeLimits) };
}
