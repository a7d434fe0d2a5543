import type { ProviderName } from '../registry/manifest-schema.ts';
import type { Tensor } from '../tensor.ts';
import type { OperatorProfile } from './operator-profile.ts';
import type { PaddingTrial } from './prove-padding.ts';
import type { RowProof, RowTrial } from './prove-rows.ts';

// Messages to and from a lane, the same for a thread (buffers transferred) and a process
// (serialized).

/** Everything that a lane must know to open its session. */
export type SessionRequest = {
  readonly file: string;
  readonly providers: readonly ProviderName[];
  readonly intraOpThreads: number;
  readonly interOpThreads: number;
  readonly optimization: 'disabled' | 'basic' | 'extended' | 'all';
  readonly arena: boolean;
  readonly memoryPattern: boolean;
  readonly extra: Readonly<Record<string, string>>;
  readonly tolerance: { readonly absolute: number; readonly relative: number };
  /** One row of made-up inputs, to compare providers by and to warm up with. */
  readonly probe: readonly Tensor[];
  /**
   * Present when it is to be found out whether rows may share a run; with `padding`, whether rows of
   * different lengths may.
   */
  readonly rowTrial: (RowTrial & { readonly padding?: PaddingTrial | undefined }) | undefined;
  readonly warmUpRuns: number;
};

export type SessionReport = {
  readonly provider: ProviderName;
  /** Providers that were wanted and are not used, with the reason. */
  readonly refused: readonly { readonly provider: ProviderName; readonly reason: string }[];
  /** Undefined when it was not asked. */
  readonly rowProof: RowProof | undefined;
  /** Why the warm-up did not run through; undefined when it did. */
  readonly warmUpFailure: string | undefined;
  /**
   * How long a warm run on the probe takes, the shortest of a few; undefined where it was not to be
   * warmed up, or failed.
   */
  readonly probeMs: number | undefined;
  readonly loadMs: number;
};

export type LaneRun = {
  readonly inputs: readonly Tensor[];
  /** Undefined: all of them. */
  readonly outputs: readonly string[] | undefined;
};

/** How one run ended. */
export type RunEnd =
  | { readonly kind: 'ran'; readonly outputs: readonly Tensor[]; readonly sessionMs: number; readonly cpuMs: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly cpuMs: number };

export type ToLane =
  | { readonly kind: 'open'; readonly request: SessionRequest }
  /** One after the other; they are answered together. */
  | { readonly kind: 'run'; readonly id: number; readonly runs: readonly LaneRun[] }
  /** Opens a session of its own with the profiler on, runs twice, and reports the second run. */
  | {
      readonly kind: 'profile';
      readonly request: SessionRequest;
      readonly inputs: readonly Tensor[];
      readonly outputs: readonly string[] | undefined;
      readonly folder: string;
    }
  | { readonly kind: 'close' };

export type FromLane =
  | { readonly kind: 'opened'; readonly report: SessionReport }
  | { readonly kind: 'not_opened'; readonly reason: string }
  | { readonly kind: 'ran'; readonly id: number; readonly ends: readonly RunEnd[] }
  | { readonly kind: 'profiled'; readonly profile: OperatorProfile }
  | { readonly kind: 'not_profiled'; readonly reason: string };
