import { setLogLevel } from '../telemetry/logger.ts';
import { malformedSetting } from './settings-request.ts';

type Level = 'error' | 'warn' | 'info' | 'debug';

/**
 * The log level in the words of Triton's logging extension: it acts on the service's loggers at once. Events, audit and security always tell everything,
 * so only app and access follow it.
 */
export class LogSettings {
  #level: Level;

  constructor(level: Level) {
    this.#level = level;
  }

  answer(): Record<string, string | boolean | number> {
    return {
      log_file: '',
      log_info: this.#level === 'info' || this.#level === 'debug',
      log_warning: this.#level !== 'error',
      log_error: true,
      log_verbose_level: this.#level === 'debug' ? 1 : 0,
      log_format: 'default',
    };
  }

  change(given: Readonly<Record<string, unknown>>): void {
    const wanted = this.answer();
    for (const [name, value] of Object.entries(given)) {
      const now = wanted[name];
      if (now === undefined) throw malformedSetting(name, `is none of ${Object.keys(wanted).join(', ')}`);
      if (typeof value !== typeof now) throw malformedSetting(name, `has to be a ${typeof now}`);
      wanted[name] = value as typeof now;
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
    this.#level = verbose > 0 ? 'debug' : wanted.log_info ? 'info' : wanted.log_warning ? 'warn' : 'error';
    for (const logger of ['app', 'access'] as const) setLogLevel(logger, this.#level);
  }
}
