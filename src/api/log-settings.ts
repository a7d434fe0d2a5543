import { type LogLevel, setLogLevel } from '../telemetry/logger.ts';
import { malformedSetting } from './settings-request.ts';

/** The loggers whose level may change. Events, audit and security always tell everything. */
const adjustable = ['app', 'access', 'metrics'] as const;
type Adjustable = (typeof adjustable)[number];
const levels = ['error', 'warn', 'info', 'debug'] as const satisfies readonly LogLevel[];

/**
 * The log levels in the words of Triton's logging extension, and beside them, in `loggers`, each logger's own: they act at once. Triton's words speak of
 * all of the loggers that may change; where these differ, they tell of `app`.
 */
export class LogSettings {
  readonly #levels: Record<Adjustable, LogLevel>;

  constructor(level: LogLevel) {
    this.#levels = { app: level, access: level, metrics: level };
  }

  /** Each adjustable logger's level. */
  get levels(): Readonly<Record<string, LogLevel>> {
    return { ...this.#levels };
  }

  answer(): Record<string, unknown> {
    return { ...tritonWords(this.#levels.app), loggers: { ...this.#levels } };
  }

  /** All of it or, when something in it cannot be taken, nothing. */
  change(given: Readonly<Record<string, unknown>>): void {
    const { loggers, ...words } = given;
    const next = { ...this.#levels };
    if (Object.keys(words).length > 0) {
      const level = levelOf(words, tritonWords(this.#levels.app));
      for (const logger of adjustable) next[logger] = level;
    }
    if (loggers !== undefined) Object.assign(next, levelsOf(loggers));
    for (const logger of adjustable) {
      this.#levels[logger] = next[logger];
      setLogLevel(logger, next[logger]);
    }
  }
}

type TritonWords = Record<string, string | boolean | number>;

function tritonWords(level: LogLevel): TritonWords {
  return {
    log_file: '',
    log_info: level === 'info' || level === 'debug',
    log_warning: level !== 'error',
    log_error: true,
    log_verbose_level: level === 'debug' ? 1 : 0,
    log_format: 'default',
  };
}

function levelOf(given: Readonly<Record<string, unknown>>, now: TritonWords): LogLevel {
  const wanted = { ...now };
  for (const [name, value] of Object.entries(given)) {
    // A name that every object has is none of them.
    const is = Object.hasOwn(wanted, name) ? wanted[name] : undefined;
    if (is === undefined) throw malformedSetting(name, `is none of ${Object.keys(wanted).join(', ')}, loggers`);
    if (typeof value !== typeof is) throw malformedSetting(name, `has to be a ${typeof is}`);
    wanted[name] = value as typeof is;
  }
  if (wanted.log_file !== '')
    throw malformedSetting('log_file', 'can only be empty: logs leave by OTLP, not into files');
  if (wanted.log_format !== 'default') throw malformedSetting('log_format', 'can only be "default"');
  if (wanted.log_error !== true) throw malformedSetting('log_error', 'can only be true: errors are always told');
  const verbose = wanted.log_verbose_level as number;
  if (!Number.isInteger(verbose) || verbose < 0)
    throw malformedSetting('log_verbose_level', 'has to be a whole number of at least 0');
  if (wanted.log_info && !wanted.log_warning)
    throw malformedSetting(
      'log_warning',
      'cannot be false while log_info is true: a level includes the more severe ones',
    );
  return verbose > 0 ? 'debug' : wanted.log_info ? 'info' : wanted.log_warning ? 'warn' : 'error';
}

function levelsOf(given: unknown): Partial<Record<Adjustable, LogLevel>> {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw malformedSetting('loggers', 'has to be an object of levels by logger');
  const wanted: Partial<Record<Adjustable, LogLevel>> = {};
  for (const [name, level] of Object.entries(given)) {
    const logger = adjustable.find((each) => each === name);
    if (!logger)
      throw malformedSetting(
        'loggers',
        `can name ${adjustable.join(', ')}; events, audit and security always tell everything`,
      );
    const known = levels.find((each) => each === level);
    if (!known) throw malformedSetting(`loggers.${logger}`, `has to be one of ${levels.join(', ')}`);
    wanted[logger] = known;
  }
  return wanted;
}
