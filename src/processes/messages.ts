import type { EventName } from '../telemetry/names/events.ts';
import type { Ask } from './dialogue.ts';

// What the first process and the processes of the service say to each other, over the channel that
// Node opens for a child process.

/** A port that all processes share, by what is spoken on it. */
export type EntranceName = 'http' | 'grpc' | 'replicas';

/** What a process of the service has to know from its start. */
export type SeatFacts = {
  /** From 1. Folder and instance id go by it, so a restarted process is the same one. */
  readonly number: number;
  readonly count: number;
  /** Those that all share. */
  readonly ports: Readonly<Partial<Record<EntranceName, number>>>;
  /** Where the sockets lie by which the processes reach each other. */
  readonly folder: string;
  /** Proves that a request comes from another process of this service. */
  readonly secret: string;
  /** How often this one was started again since the first process started. */
  readonly restarts: number;
};

export type ToProcess =
  | { readonly kind: 'seat'; readonly seat: SeatFacts }
  /** Comes with a socket. */
  | { readonly kind: 'connection'; readonly id: number; readonly entrance: EntranceName }
  | { readonly kind: 'whole'; readonly whole: Whole }
  /** Stop in order; another takes over. */
  | { readonly kind: 'leave'; readonly noticeMs: number }
  /** End so many connections with their next answer: their callers come again, to another process. */
  | { readonly kind: 'shed'; readonly connections: number }
  | { readonly kind: 'log'; readonly event: EventName; readonly sentence: string }
  | Ask;

export type FromProcess =
  /** It can take connections, though its models may not be loaded. */
  | { readonly kind: 'serving'; readonly instance: string | undefined }
  /** It takes no more connections. */
  | { readonly kind: 'leaving' }
  | { readonly kind: 'accepted'; readonly id: number }
  /** It was leaving when the connection came. */
  | { readonly kind: 'refused'; readonly id: number }
  | { readonly kind: 'closed'; readonly connections: number }
  | { readonly kind: 'beat'; readonly beat: Beat }
  | Ask;

/** How a process is, once a second. */
export type Beat = {
  /** False: threads are stuck in a run, and it has to be replaced. */
  readonly healthy: boolean;
  /** All that /ready asks for is there. */
  readonly fit: boolean;
  readonly inFlight: number;
  /** Of the one that has the jobs. */
  readonly jobs?: JobsStanding | undefined;
};

/** What the health of all says of the jobs. */
export type JobsStanding = {
  readonly trouble: { readonly message: string; readonly usable: boolean } | undefined;
  readonly setAside: readonly string[];
  readonly answerMs: number | undefined;
};

export type ProcessState = 'starting' | 'serving' | 'ready' | 'leaving' | 'down';

export type ProcessStanding = {
  readonly number: number;
  readonly pid: number | undefined;
  readonly state: ProcessState;
  /** When it was started, in milliseconds since 1970. */
  readonly startedMs: number;
  readonly restarts: number;
  readonly instance: string | undefined;
  readonly fit: boolean;
  readonly inFlight: number;
  readonly connections: number;
};

/** All processes together, as each of them knows it. */
export type Whole = {
  readonly stopping: boolean;
  /**
   * Every process was ready once, and one at least takes work now: one that restarts must not take
   * the others out of a balancer.
   */
  readonly ready: boolean;
  readonly processes: readonly ProcessStanding[];
  readonly jobs: JobsStanding | undefined;
};
