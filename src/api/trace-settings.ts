import { malformedSetting } from './settings-request.ts';

/** What of a model's requests is traced, in the words of Triton's trace extension. */
export type TraceSettings = {
  /** OFF: no spans but those kept for their outcome; TIMESTAMPS: also samples. */
  readonly trace_level: readonly ['OFF'] | readonly ['TIMESTAMPS'];
  /** One in so many is a sample. */
  readonly trace_rate: number;
  /** Samples left to take; -1: no end. */
  readonly trace_count: number;
  /** One in so many has its operators profiled; 0: none but those that ask. Not a setting of Triton's. */
  readonly profile_rate: number;
};

const asStarted: TraceSettings = { trace_level: ['TIMESTAMPS'], trace_rate: 1000, trace_count: -1, profile_rate: 0 };

type Changes = { [Name in keyof TraceSettings]?: TraceSettings[Name] };

/**
 * The trace settings as they are now: global ones, and those of a model where they differ. It stores and checks; whoever decides what is kept
 * (`of(model)`) reads it. Tracing writes no file and knows one mode, so the other settings of Triton can only have the value that says so.
 */
export class TraceSettingsStore {
  #global: TraceSettings = asStarted;
  readonly #models = new Map<string, Changes>();

  of(model?: string): TraceSettings {
    const own = model === undefined ? undefined : this.#models.get(model);
    return own ? { ...this.#global, ...own } : this.#global;
  }

  /** Takes a request's settings, all or none. A null clears: globally to what it was at the start, for a model to the global one. */
  change(given: Readonly<Record<string, unknown>>, model?: string): TraceSettings {
    const changes: Record<string, unknown> = model === undefined ? { ...this.#global } : { ...this.#models.get(model) };
    for (const [name, value] of Object.entries(given)) {
      // A name that every object has is none of them.
      const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
      if (reader === undefined) throw malformedSetting(name, `is none of ${Object.keys(readers).join(', ')}`);
      if (value !== null) {
        const read = reader(value, name);
        if (read !== undefined) changes[name] = read;
      } else if (model === undefined && name in asStarted) changes[name] = asStarted[name as keyof TraceSettings];
      else delete changes[name];
    }
    if (model === undefined) this.#global = changes as TraceSettings;
    else if (Object.keys(changes).length === 0) this.#models.delete(model);
    else this.#models.set(model, changes as Changes);
    return this.of(model);
  }

  /** A model that is gone takes its settings along. */
  forget(model: string): void {
    this.#models.delete(model);
  }
}

/** As Triton's clients read them: everything is text. */
export function traceSettingsAnswer(settings: TraceSettings): Record<string, string | readonly string[]> {
  return {
    trace_level: settings.trace_level,
    trace_rate: String(settings.trace_rate),
    trace_count: String(settings.trace_count),
    profile_rate: String(settings.profile_rate),
    log_frequency: '0',
    trace_file: '',
    trace_mode: 'opentelemetry',
  };
}

/** Each checks a value and answers what is stored; undefined: it may only have the value that it has. */
const readers: Readonly<Record<string, (value: unknown, name: string) => unknown>> = {
  trace_level: (value, name) => {
    const levels = Array.isArray(value) ? (value as unknown[]) : [value];
    if (levels.length === 1 && (levels[0] === 'OFF' || levels[0] === 'TIMESTAMPS')) return levels;
    throw malformedSetting(name, 'has to be OFF or TIMESTAMPS (tensors are never put into traces)');
  },
  trace_rate: (value, name) => wholeNumber(value, name, 1),
  trace_count: (value, name) => wholeNumber(value, name, -1),
  profile_rate: (value, name) => wholeNumber(value, name, 0),
  log_frequency: onlyValue('0', 'traces are exported as they end'),
  trace_file: onlyValue('', 'traces leave by OTLP only'),
  trace_mode: onlyValue('opentelemetry', 'there is no other mode'),
};

function onlyValue(only: string, because: string) {
  return (value: unknown, name: string): undefined => {
    if (String(value) !== only) throw malformedSetting(name, `can only be "${only}": ${because}`);
  };
}

/** Triton's clients send numbers as text. */
function wholeNumber(value: unknown, name: string, min: number): number {
  const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= min) return number;
  throw malformedSetting(name, `has to be a whole number of at least ${min}`);
}
