import { z } from 'zod';
import { type LogLevel, setLogLevel } from '../../telemetry/logger.ts';
import { readSettings } from './settings-request.ts';

/** The loggers whose level may change. Events, audit and security always log everything. */
const adjustable = ['app', 'access', 'metrics'] as const;
type Adjustable = (typeof adjustable)[number];
const levels = ['error', 'warn', 'info', 'debug'] as const satisfies readonly LogLevel[];

/** What a request may change. */
export const logSettingsRequest = z
  .strictObject({
    log_file: z.literal('', { error: 'can only be empty: logs leave by OTLP, not into files' }).optional(),
    log_info: flag(),
    log_warning: flag(),
    log_error: z.literal(true, { error: 'can only be true: errors are always logged' }).optional(),
    log_verbose_level: z
      .int({ error: 'has to be a whole number of at least 0' })
      .min(0, 'has to be a whole number of at least 0')
      .optional()
      .describe('Above 0: debug.'),
    log_format: z.literal('default', { error: 'can only be "default"' }).optional(),
    loggers: z
      .strictObject(
        Object.fromEntries(
          adjustable.map((logger) => [
            logger,
            z.enum(levels, { error: `.${logger} has to be one of ${levels.join(', ')}` }).optional(),
          ]),
        ),
        {
          error: `can name ${adjustable.join(', ')}, each with a level; events, audit and security always log everything`,
        },
      )
      .optional()
      .describe('The level of each logger by itself.'),
  })
  .refine(({ log_info, log_warning }) => !(log_info === true && log_warning === false), {
    path: ['log_warning'],
    error: 'cannot be false while log_info is true: a level includes the more severe ones',
  })
  .meta({
    id: 'LogSettingsRequest',
    example: { log_verbose_level: 0, loggers: { access: 'warn' } },
    override: ({ jsonSchema }) => {
      jsonSchema.not = {
        properties: { log_info: { const: true }, log_warning: { const: false } },
        required: ['log_info', 'log_warning'],
      };
    },
  });

function flag() {
  return z.boolean({ error: 'has to be true or false' }).optional();
}

/**
 * The log levels in the words of Triton's logging extension, and each logger's own in `loggers`;
 * they act at once. Triton's words hold for all loggers that may change; where these differ, they
 * describe `app`.
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

  /** All, or nothing when a part cannot be taken. */
  change(given: Readonly<Record<string, unknown>>): void {
    const { loggers, ...words } = this.check(given);
    const next = { ...this.#levels };
    if (Object.keys(words).length > 0) {
      const level = levelOf(words, tritonWords(this.#levels.app));
      for (const logger of adjustable) next[logger] = level;
    }
    Object.assign(next, loggers);
    this.takeOver(next);
  }

  /** Throws where a part cannot be taken. */
  check(given: Readonly<Record<string, unknown>>): z.output<typeof logSettingsRequest> {
    return readSettings(logSettingsRequest, given);
  }

  /** The levels of another process. */
  takeOver(levels: Readonly<Record<string, string>>): void {
    for (const logger of adjustable) {
      this.#levels[logger] = levels[logger] as LogLevel;
      setLogLevel(logger, this.#levels[logger]);
    }
  }
}

function tritonWords(level: LogLevel) {
  return {
    log_file: '',
    log_info: level === 'info' || level === 'debug',
    log_warning: level !== 'error',
    log_error: true,
    log_verbose_level: level === 'debug' ? 1 : 0,
    log_format: 'default',
  };
}

/**
 * A level includes the more severe ones: log_info asks for warnings too, and without warnings there
 * is no info.
 */
function levelOf(given: z.output<typeof logSettingsRequest>, now: ReturnType<typeof tritonWords>): LogLevel {
  const { log_info, log_warning, log_verbose_level: verbose = now.log_verbose_level } = given;
  const isInfo = log_info ?? (log_warning === false ? false : now.log_info);
  const isWarning = log_warning ?? (isInfo || now.log_warning);
  return verbose > 0 ? 'debug' : isInfo ? 'info' : isWarning ? 'warn' : 'error';
}
