import type { FailureCode } from '../errors.ts';
import type { Owned } from './owned.ts';
import type { Tensor } from './tensor.ts';

/** One request as the engine sees it: tensors, and how long and how urgently. */
export type InferRequest = {
  /**
   * Owned: their memory, whole, may be handed to a thread instead of copied, and is released once
   * they were run. Several may lie in one buffer.
   */
  readonly inputs: readonly Tensor[] | Owned;
  /** Names of the outputs wanted; absent: all. */
  readonly outputs?: readonly string[] | undefined;
  /** From 1, the most urgent, to the manifest's levels; 0: the manifest's default. */
  readonly priority: number;
  /** In the milliseconds of performance.now(). */
  readonly deadlineAt: number;
  /**
   * Aborted when the caller has gone; looked at, never listened to, so an AbortSignal will do, and
   * so will a flag.
   */
  readonly signal: { readonly aborted: boolean };
  /** Who is charged: the API key's name, `admin` or `anonymous`. */
  readonly tenant?: string | undefined;
  readonly follower?: Follower | undefined;
  /** The task or job that it works for; absent for an inference. */
  readonly by?: AskedBy | undefined;
  /** A task, whose sizes have limits of their own: the bounds are for what callers choose. */
  readonly boundsItself?: boolean;
  /** It is to be run, whatever is remembered of others like it. */
  readonly mustRun?: boolean;
  /** It is a call of a sequence: the model's state goes from call to call. */
  readonly sequence?: SequenceCall | undefined;
};

/** Which sequence a request belongs to, and whether it is the first or the last of its calls. */
export type SequenceCall = { readonly id: string; readonly start: boolean; readonly end: boolean };

/**
 * How a request to a model that remembers answers found them: there, being made for somebody else,
 * not there, or too large to be looked up.
 */
export const cacheOutcomes = ['hit', 'joined', 'miss', 'too_large'] as const;
export type CacheOutcome = (typeof cacheOutcomes)[number];

/**
 * Why a sequence is over: its last call, nobody called for too long, a new start, or its model was
 * unloaded or loaded again.
 */
export const sequenceEnds = ['ended', 'idle', 'restarted', 'unloaded'] as const;
export type SequenceEnd = (typeof sequenceEnds)[number];

/** A task or a job, as its batches name it: one object for all its calls. */
export type AskedBy = {
  /** The kind of task. */
  readonly task: string;
  /** Of the request or of the job. */
  readonly id: string;
  readonly isJob: boolean;
};

/**
 * Hears where its request got to in the engine, also when there is no answer. It must not throw.
 */
export type Follower = {
  /**
   * Its inputs were checked and it began to wait, in the milliseconds of performance.now(), and so
   * it found the queue; `rows` and `bytes` are its own. Said again of each part of a request that
   * was cut. An object for it would be one more of each request.
   */
  arrived(
    at: number,
    waiting: number,
    waitingBytes: number,
    running: number,
    predictedWaitMs: number,
    rows: number,
    bytes: number,
  ): void;
  /**
   * A batch with the request has ended. The members of a batch hear it before any of them is
   * answered.
   */
  batchEnded(batch: BatchFacts): void;
  /** The deadline passed during a run that goes on. */
  expiredInRun(beganAt: number): void;
  /** Of a model that remembers its answers. */
  lookedUp?(outcome: CacheOutcome): void;
  /** Of a pipeline: the steps that began, before its answer or its failure. */
  stepsEnded?(steps: readonly StepFacts[]): void;
};

/** One step of a request to a pipeline. */
export type StepFacts = {
  readonly name: string;
  /** What did it: a model of the repository, or an operation of the service's own. */
  readonly by: { readonly model: string; readonly version: string | undefined } | { readonly operation: string };
  /** In the milliseconds of performance.now(). */
  readonly startedAt: number;
  readonly endedAt: number;
  /** Where its time went; what none of them has is between the steps. */
  readonly queueMs: number;
  readonly assembleMs: number;
  readonly runMs: number;
  readonly splitMs: number;
  /** Of the tensors that it gave. */
  readonly outputBytes: number;
  /** The last batch that it was in. */
  readonly batch: BatchFacts | undefined;
  readonly cache: CacheOutcome | undefined;
  /** Undefined: it succeeded. `cancelled`: it was under way when another step failed. */
  readonly failure: FailureCode | 'cancelled' | undefined;
  /** Of a step that is a pipeline itself. */
  readonly steps: readonly StepFacts[] | undefined;
};

/** The queue as a request found it. */
export type Arrival = {
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Batches in lanes. */
  readonly running: number;
  readonly predictedWaitMs: number;
};

/**
 * Where the time went, in milliseconds. `runMs` is the way to the lane and back. `splitMs` is from
 * there to the answer's turn, behind the sending of the next batch. `sessionMs` of the batch is ONNX
 * Runtime alone.
 */
export type StageTimes = {
  /**
   * When its inputs had been checked and it began to wait, in the milliseconds of
   * performance.now().
   */
  readonly enqueuedAt: number;
  readonly queueMs: number;
  readonly assembleMs: number;
  readonly runMs: number;
  /** Until its turn came: the answers of a batch are written one after the other. */
  readonly splitMs: number;
  /** When it was its turn, in the milliseconds of performance.now(). */
  readonly answeredAt: number;
};

/**
 * Why a batch took no more: nothing else was waiting, its limits, what waits would pad too much, the
 * wait asked for, or a model (or request) that runs alone.
 */
export const closings = ['idle', 'rows', 'bytes', 'padding', 'delay', 'alone'] as const;
export type ClosedBy = (typeof closings)[number];

export type BatchFacts = {
  readonly id: number;
  readonly model: string;
  readonly version: string;
  /** Requests in it. */
  readonly inputs: number;
  readonly rows: number;
  /** The most there may be; 0: its requests run alone. */
  readonly rowsMax: number;
  /** Of its inputs: what no request sent. Rows of different lengths shared it. */
  readonly paddingBytes: number;
  /** The part that was padding, from 0 to 1 along the padded dimensions. */
  readonly paddingShare: number;
  readonly closedBy: ClosedBy;
  /** The lane that ran it, as in `thread-3` or `process-1`; `event-loop` for the shortcut. */
  readonly lane: string;
  readonly tookShortcut: boolean;
  readonly provider: string;
  readonly sessionMs: number;
  /**
   * CPU time of its lane, or the run's own time on the event loop; what ONNX Runtime's own threads
   * took is read every few milliseconds, and stands with the next batch then.
   */
  readonly cpuMs: number;
  /** Of a run on a GPU, where somebody meters it. */
  readonly gpu: BatchGpu | undefined;
  readonly outputBytes: number;
  /**
   * When it was closed and when its lane had done with it, in the milliseconds of
   * performance.now().
   */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: 'ran' | 'failed' | 'lane_lost' | 'given_up';
};

export type BatchGpu = {
  /** Undefined when it cannot be said which of several it was. */
  readonly hwId: string | undefined;
  /** The batch's share of the device's time. */
  readonly seconds: number;
  readonly energy: { readonly joules: number; readonly is: 'measured' | 'estimated' } | undefined;
};

/** Divides the time and energy of a GPU among the runs that share it. */
export type GpuMeter = {
  began(provider: string, atMs: number): void;
  /** Each run that began ends once. Undefined: it used no GPU. */
  ended(provider: string, startMs: number, endMs: number): BatchGpu | undefined;
};

export type InferAnswer = {
  /**
   * In the order asked for, or the model's own. Their data may be views into one buffer that the
   * whole batch shares.
   */
  readonly outputs: readonly Tensor[];
  readonly stages: StageTimes;
  /** Undefined where the answer was remembered. */
  readonly batch: BatchFacts | undefined;
  /**
   * Where the outputs are large: to be released by who has done with them. All in the batch share
   * the memory.
   */
  readonly owned: Owned | undefined;
};

/** The asker, called once with the outcome. It must not throw. */
export type Asker = { answered(answer: InferAnswer): void; failed(error: Error): void };
