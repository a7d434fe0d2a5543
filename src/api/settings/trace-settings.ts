import { z } from 'zod';
import { readSettings } from './settings-request.ts';

/** What of a model's requests is traced, in the words of Triton's trace extension. */
export type TraceSettings = {
  /** OFF: no spans but those kept for their outcome; TIMESTAMPS: also samples. */
  readonly trace_level: readonly ['OFF'] | readonly ['TIMESTAMPS'];
  /** One in so many is a sample. */
  readonly trace_rate: number;
  /** Samples left to take; -1: no end. */
  readonly trace_count: number;
  /**
   * One in so many has its operators profiled; 0: none but those that ask. Not a setting of Triton's.
   */
  readonly profile_rate: number;
};

const asStarted: TraceSettings = { trace_level: ['TIMESTAMPS'], trace_rate: 1000, trace_count: -1, profile_rate: 0 };

/** What a request may change. Triton's clients send numbers as text, and a level in a list. */
export const traceSettingsRequest = z
  .strictObject({
    trace_level: levels().describe('OFF: no traces but those kept for their outcome. TIMESTAMPS: also samples.'),
    trace_rate: wholeNumber(1, '^0*[1-9][0-9]{0,14}$').describe('One request in so many is a sample.'),
    trace_count: wholeNumber(-1, '^(-1|[0-9]{1,15})$').describe('Samples left to take; -1: no end.'),
    profile_rate: wholeNumber(0, '^[0-9]{1,15}$').describe(
      'One request in so many has its operators profiled; 0: none.',
    ),
    log_frequency: only([0, '0'], '"0": traces are exported as they end'),
    trace_file: only([''], '"": traces leave by OTLP only'),
    trace_mode: only(['opentelemetry'], '"opentelemetry": there is no other mode'),
  })
  .meta({
    id: 'TraceSettingsRequest',
    description: 'A null clears: globally to what it was at the start, for a model to the global one.',
    example: { trace_rate: '500' },
  });

function levels() {
  const error = 'has to be OFF or TIMESTAMPS (tensors are never put into traces)';
  const level = z.enum(['OFF', 'TIMESTAMPS']);
  return z
    .union([z.array(level).length(1), level.transform((each) => [each])], { error })
    .nullable()
    .optional();
}

function wholeNumber(min: number, digits: string) {
  const error = `has to be a whole number of at least ${min}`;
  return z
    .union([z.int().min(min), z.string().regex(new RegExp(digits)).transform(Number)], { error })
    .nullable()
    .optional();
}

/** A setting of Triton's that has one value here. */
function only(values: readonly [string | number, ...(string | number)[]], what: string) {
  return z
    .literal(values, { error: `can only be ${what}` })
    .nullable()
    .optional();
}

export type TraceState = { readonly global: TraceSettings; readonly models: readonly (readonly [string, Changes])[] };

type Changes = { [Name in keyof TraceSettings]?: TraceSettings[Name] };

/**
 * The trace settings now: global ones, and a model's where they differ. It stores and checks; the
 * code that decides what is stored reads `of(model)`. Tracing writes no file and knows one mode, so
 * Triton's other settings have one possible value.
 */
export class TraceSettingsStore {
  #global: TraceSettings = asStarted;
  readonly #models = new Map<string, Changes>();

  of(model?: string): TraceSettings {
    const own = model === undefined ? undefined : this.#models.get(model);
    return own ? { ...this.#global, ...own } : this.#global;
  }

  /**
   * Takes a request's settings, all or none. A null clears: globally to what it was at the start, for
   * a model to the global one.
   */
  change(given: Readonly<Record<string, unknown>>, model?: string): TraceSettings {
    const changes: Record<string, unknown> = model === undefined ? { ...this.#global } : { ...this.#models.get(model) };
    for (const [name, value] of Object.entries(this.check(given))) {
      if (!Object.hasOwn(asStarted, name)) continue;
      if (value !== null) changes[name] = value;
      else if (model === undefined) changes[name] = asStarted[name as keyof TraceSettings];
      else delete changes[name];
    }
    if (model === undefined) this.#global = changes as TraceSettings;
    else if (Object.keys(changes).length === 0) this.#models.delete(model);
    else this.#models.set(model, changes as Changes);
    return this.of(model);
  }

  /** Throws where the settings cannot be taken. */
  check(given: Readonly<Record<string, unknown>>): z.output<typeof traceSettingsRequest> {
    return readSettings(traceSettingsRequest, given);
  }

  /** All of them, for another process. */
  get state(): TraceState {
    return { global: this.#global, models: [...this.#models] };
  }

  takeOver({ global, models }: TraceState): void {
    this.#global = global;
    this.#models.clear();
    for (const [model, changes] of models) this.#models.set(model, changes);
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
