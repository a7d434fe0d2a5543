import type { Prepared, Registry } from '../../engine/registry/registry.ts';
import type { Change, ProcessActs, SharedState } from '../../processes/changes.ts';
import type { Seat } from '../../processes/seat.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { LogSettings } from '../settings/log-settings.ts';
import type { TraceSettingsStore, TraceState } from '../settings/trace-settings.ts';

type Parts = {
  registry: Registry;
  traceSettings: TraceSettingsStore;
  logSettings: LogSettings;
  access: AccessControl;
};

/** A change as a handler asks for it: the configuration is read when the model has been found. */
export type WantedChange =
  | Exclude<Change, { kind: 'model_load' }>
  | (Omit<Extract<Change, { kind: 'model_load' }>, 'config'> & { readonly config: () => unknown });

/** Makes a change of what holds for the whole service. */
export type MakeChange = (change: WantedChange) => Promise<void>;

const changeMsMax = 24 * 60 * 60_000;

/** Of one process: it makes the change. Of several: all of them make it, or none does. */
export function makeChanges(parts: Parts, seat: Seat | undefined): MakeChange {
  if (!seat) return (change) => makeHere(change, parts);
  return (change) => {
    const { config } = change as { config?: () => unknown };
    const sent = change.kind === 'model_load' ? { ...change, config: config?.() } : change;
    // The first process has limits for each step; a model may take long to load.
    return seat.ask('change', sent, changeMsMax);
  };
}

async function makeHere(change: WantedChange, { registry, traceSettings, logSettings, access }: Parts): Promise<void> {
  switch (change.kind) {
    case 'model_load':
      return registry.load(change.name, { config: change.config });
    case 'model_unload':
      await registry.unload(change.name);
      return traceSettings.forget(change.name);
    case 'trace_settings':
      traceSettings.change(change.given, change.model);
      return;
    case 'log_settings':
      return logSettings.change(change.given);
    case 'api_keys':
      return access.readKeysAgain();
  }
}

/** Makes the changes of others, and passes on what this process sees first. */
export function shareChanges(seat: Seat, parts: Parts, change: MakeChange): void {
  seat.answer(answerFirst(parts));
  // Another process that cannot read them now looks by itself a moment later.
  parts.access.onKeysRead(() => void change({ kind: 'api_keys' }).catch(() => undefined));
}

/** What the first process asks of this one, for changes of all. */
function answerFirst(parts: Parts): ProcessActs {
  const { registry, traceSettings, logSettings, access } = parts;
  const prepared = new Map<number, { change: Change; load: Prepared | undefined }>();
  return {
    prepare: async ({ id, change }) => {
      const load =
        change.kind === 'model_load'
          ? await registry.prepare(change.name, { config: () => change.config })
          : check(change, parts);
      prepared.set(id, { change, load: load ?? undefined });
    },
    make: async ({ id }) => {
      const { change, load } = prepared.get(id)!;
      prepared.delete(id);
      if (change.kind === 'model_load') await load!.serve();
      else await makeHere(change, parts);
    },
    leaveIt: async ({ id }) => {
      await prepared.get(id)?.load?.close();
      prepared.delete(id);
    },
    state: (): SharedState => ({
      models: registry.served,
      logLevels: logSettings.levels,
      traceSettings: traceSettings.state,
    }),
    takeOver: async (state) => {
      logSettings.takeOver(state.logLevels);
      traceSettings.takeOver(state.traceSettings as TraceState);
      await access.readKeysAgain();
      if (state.models) await registry.align(state.models);
    },
    giveBack: ({ bucket }) => access.giveBackQuota(bucket),
  };
}

/** Throws what making the change would throw. */
function check(change: Exclude<Change, { kind: 'model_load' }>, { registry, traceSettings, logSettings }: Parts): void {
  switch (change.kind) {
    case 'model_unload':
      registry.mustKnow(change.name);
      return;
    case 'trace_settings':
      traceSettings.check(change.given);
      return;
    case 'log_settings':
      logSettings.check(change.given);
      return;
    case 'api_keys':
  }
}
