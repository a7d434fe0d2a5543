// What holds for all processes: the process that is asked for a change asks the first one, which
// has all of them prepare it. When all could, all of them make it.

export type Change =
  | { readonly kind: 'model_load'; readonly name: string; readonly config: unknown }
  | { readonly kind: 'model_unload'; readonly name: string }
  | { readonly kind: 'trace_settings'; readonly model: string | undefined; readonly given: Settings }
  | { readonly kind: 'log_settings'; readonly given: Settings }
  /** The file of API keys has changed. */
  | { readonly kind: 'api_keys' };

type Settings = Readonly<Record<string, unknown>>;

/** What a process has to take over from the others before it takes work. */
export type SharedState = {
  /** Undefined: the folder decides. */
  readonly models:
    | readonly { name: string; versions: readonly string[]; config: unknown; isPipeline: boolean }[]
    | undefined;
  readonly logLevels: Readonly<Record<string, string>>;
  readonly traceSettings: unknown;
};

/** What the first process asks of the others. */
export type ProcessActs = {
  /** Everything that can fail; nothing has changed when this answers. */
  prepare(of: { readonly id: number; readonly change: Change }): Promise<void>;
  make(of: { readonly id: number }): Promise<void>;
  leaveIt(of: { readonly id: number }): Promise<void>;
  state(of: Record<never, never>): SharedState;
  takeOver(state: SharedState): Promise<void>;
  /** Answers how many of the lease were not used, and forgets them. */
  giveBack(of: { readonly bucket: string }): number;
};

/** What the others ask of the first process. */
export type FirstActs = {
  change(change: Change): Promise<void>;
  /** What the others are like; undefined of the first that starts, and of one that starts afresh. */
  state(of: Record<never, never>): Promise<SharedState | undefined>;
  /** Takes over what has changed since; resolves when it may take work. */
  enter(of: Record<never, never>): Promise<void>;
  lease(of: LeaseWish): Promise<Lease>;
};

/** A part of a client's quota for one process. */
export type LeaseWish = { readonly bucket: string; readonly perMinute: number; readonly wanted: number };
export type Lease = {
  readonly granted: number;
  /** What is left beside it. */
  readonly left: number;
  /** When nothing was granted: until there may be something. */
  readonly waitMs: number;
};
