import type { RecordedLoad } from '../../observe/what-if/recorded-load.ts';
import type { ReplayOn } from '../../observe/what-if/replay-load.ts';
import type { WhatIf } from '../../observe/what-if/what-if.ts';
import type { WhatIfChanges } from '../../observe/what-if/what-if-changes.ts';
import type { CarriedError } from '../../threads/carried-error.ts';

// What the service and a thread that replays say to each other: one question, one answer.

export type ToReplayThread = {
  readonly load: RecordedLoad;
  readonly on: Omit<ReplayOn, 'replicas'>;
  readonly changes: WhatIfChanges;
};

export type FromReplayThread =
  | { readonly kind: 'found'; readonly found: WhatIf }
  | { readonly kind: 'failed'; readonly failure: CarriedError };
