/** One row of the table of settings. */
export type Setting =
  | { kind: 'text'; default: string; env: string; says: string }
  | { kind: 'port'; default: number; env: string; says: string }
  | { kind: 'integer'; default: number; min: number; max: number; env: string; says: string }
  | { kind: 'flag'; default: boolean; env: string; says: string }
  | {
      kind: 'choice';
      default: string;
      of: readonly string[];
      /** Other words for the same, from other systems: `warning` for `warn`. */
      also: Readonly<Record<string, string>>;
      env: string;
      says: string;
    };

export const text = (env: string, fallback: string, says: string) =>
  ({ kind: 'text', env, default: fallback, says }) as const;
export const port = (env: string, fallback: number, says: string) =>
  ({ kind: 'port', env, default: fallback, says }) as const;
export const flag = (env: string, fallback: boolean, says: string) =>
  ({ kind: 'flag', env, default: fallback, says }) as const;
export const integer = (env: string, fallback: number, min: number, max: number, says: string) =>
  ({ kind: 'integer', env, default: fallback, min, max, says }) as const;
export const choice = <const Of extends readonly string[]>(
  env: string,
  fallback: Of[number],
  of: Of,
  says: string,
  also: Readonly<Record<string, Of[number]>> = {},
) => ({ kind: 'choice', env, default: fallback as string, of, says, also }) as const;
