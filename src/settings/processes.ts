import { integer, type Setting, text } from './setting.ts';

/** Several processes of the service on one machine. */
export const processSettings = {
  processes: text(
    'VITRINE_PROCESSES',
    '1',
    'Processes that share the port of the service: a number up to 256, or auto for as many as the cores that models leave free. Each has models and limits of its own; quotas, keys, settings, models and jobs are one for all.',
  ),
  processSilentMsMax: integer(
    'VITRINE_PROCESS_SILENT_MS_MAX',
    30_000,
    1_000,
    3_600_000,
    'With several processes: one whose event loop stands still for longer is killed and started again. Half a minute is longer than any healthy pause.',
  ),
  processWaitMsMax: integer(
    'VITRINE_PROCESS_WAIT_MS_MAX',
    15_000,
    100,
    600_000,
    'With several processes: how long a request waits for the process that it is passed on to, while that one restarts.',
  ),
} as const satisfies Record<string, Setting>;
