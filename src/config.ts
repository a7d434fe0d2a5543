import { ServiceError } from './errors.ts';
import { accessSettings } from './settings/access.ts';
import { alertSettings } from './settings/alerts.ts';
import { answerSettings } from './settings/answers.ts';
import { assistantSettings } from './settings/assistants.ts';
import { collectorSettings } from './settings/collector.ts';
import { databaseSettings } from './settings/database.ts';
import { fileSettings } from './settings/files.ts';
import { folderSettings } from './settings/folders.ts';
import { gpuSettings } from './settings/gpus.ts';
import { healthSettings } from './settings/health.ts';
import { identitySettings } from './settings/identity.ts';
import { jobSettings } from './settings/jobs.ts';
import { limitSettings } from './settings/limits.ts';
import { modelSettings } from './settings/models.ts';
import { pageSettings } from './settings/page.ts';
import { portSettings } from './settings/ports.ts';
import { processSettings } from './settings/processes.ts';
import { receiverSettings } from './settings/receiver.ts';
import { replicaSettings } from './settings/replicas.ts';
import type { Setting } from './settings/setting.ts';
import { stackSettings } from './settings/stack.ts';
import { stoppingSettings } from './settings/stopping.ts';
import { taskSettings } from './settings/tasks.ts';
import { telemetrySettings } from './settings/telemetry.ts';
import { tlsSettings } from './settings/tls.ts';

// Every setting, in one table: read once, checked, frozen and handed down as values. settings/ has
// the rows by subject; README's and docs/settings.md's tables are generated from it.

export const settings = {
  ...folderSettings,
  ...portSettings,
  ...processSettings,
  ...stackSettings,
  ...alertSettings,
  ...modelSettings,
  ...collectorSettings,
  ...telemetrySettings,
  ...receiverSettings,
  ...accessSettings,
  ...identitySettings,
  ...tlsSettings,
  ...limitSettings,
  ...taskSettings,
  ...jobSettings,
  ...databaseSettings,
  ...replicaSettings,
  ...fileSettings,
  ...pageSettings,
  ...assistantSettings,
  ...answerSettings,
  ...healthSettings,
  ...gpuSettings,
  ...stoppingSettings,
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof settings;

type ValueOf<S> = S extends { kind: 'flag' }
  ? boolean
  : S extends { kind: 'choice'; of: readonly (infer One)[] }
    ? One
    : S extends { kind: 'text' }
      ? string
      : number;

export type Config = Readonly<{ [Name in SettingName]: ValueOf<(typeof settings)[Name]> }>;

/**
 * Reads every setting from the environment; a value that cannot be used ends the start with a
 * sentence that names it.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const values = Object.entries(settings).map(([name, setting]) => [name, readSetting(setting, env[setting.env])]);
  return Object.freeze(Object.fromEntries(values)) as Config;
}

function readSetting(setting: Setting, given: string | undefined): string | number | boolean {
  if (given === undefined || given === '') return setting.default;
  switch (setting.kind) {
    case 'text':
      return given;
    case 'flag':
      if (/^(true|1|yes|on)$/i.test(given)) return true;
      if (/^(false|0|no|off)$/i.test(given)) return false;
      throw unusable(setting, given, 'true or false');
    case 'choice': {
      const word = given.trim().toLowerCase();
      const found = setting.of.find((one) => one === word) ?? new Map(Object.entries(setting.also)).get(word);
      if (found !== undefined) return found;
      throw unusable(setting, given, `one of ${setting.of.join(', ')}`);
    }
    case 'port':
      return readInteger(setting, given, 0, 65_535);
    case 'integer':
      return readInteger(setting, given, setting.min, setting.max);
  }
}

function readInteger(setting: Setting, given: string, min: number, max: number): number {
  const value = Number(given);
  if (/^\d+$/.test(given) && value >= min && value <= max) return value;
  throw unusable(setting, given, `a whole number from ${min} to ${max}`);
}

function unusable(setting: Setting, given: string, wanted: string): ServiceError {
  return new ServiceError(
    'invalid_setting',
    `Cannot use ${setting.env}: it is "${given.slice(0, 80)}"; give ${wanted}, or leave it out for ${JSON.stringify(setting.default)}.`,
  );
}
