import { coresOfProcess } from '../cores-of-process.ts';
import type { SessionRequest } from './lanes/lane-messages.ts';
import { makeProbe } from './make-probe.ts';
import type { Manifest } from './registry/manifest.ts';

export type ThreadSettings = {
  readonly lanes: number;
  readonly laneKind: 'thread' | 'process';
  readonly intraOpThreads: number;
  readonly interOpThreads: number;
};

/** What a model's sessions may use of the machine. */
export function threadsOf({ session, lanes }: Manifest): ThreadSettings {
  return {
    lanes: lanes.count,
    laneKind: lanes.kind,
    intraOpThreads: session.intra_op_threads || threadsByDefault(lanes.count),
    interOpThreads: session.inter_op_threads,
  };
}

/** What a lane needs to open a session of the model. */
export function sessionRequest(manifest: Manifest, file: string): SessionRequest {
  const { session, providers } = manifest;
  const { intraOpThreads, interOpThreads } = threadsOf(manifest);
  return {
    file,
    providers,
    intraOpThreads,
    interOpThreads,
    optimization: session.optimization,
    arena: session.arena,
    memoryPattern: session.memory_pattern,
    extra: session.extra,
    tolerance: manifest.provider_tolerance,
    probe: makeProbe(manifest, 1),
    rowTrial: undefined,
    warmUpRuns: manifest.warm_up_runs,
  };
}

/** One core is the event loop's; the lanes of a model share the others. */
function threadsByDefault(lanes: number): number {
  return Math.max(1, Math.floor((coresOfProcess() - 1) / lanes));
}
