import type { Request, Response } from 'express';
import { type Config, type SettingName, settings } from '../../config.ts';
import { type FailureCode, failures, faultOf } from '../../errors.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import { namesIn } from './dashboard-files.ts';

type Parts = { config: Config; access: AccessControl };

/**
 * GET /page/reference: what a person looks up: settings, failures, runbooks. The administrator also
 * sees what the settings are.
 */
export function showReference({ config, access }: Parts) {
  return async (_request: Request, response: Response, client: Client): Promise<void> => {
    const seesValues = access.mayAdminister(client);
    response.json({
      settings: (Object.keys(settings) as SettingName[]).map((name) => settingLine(name, config, seesValues)),
      failures: (Object.keys(failures) as FailureCode[]).map(failureLine),
      runbooks: (await namesIn(config.runbooks))
        .filter((name) => name.endsWith('.md'))
        .map((name) => name.slice(0, -3)),
    });
  };
}

function settingLine(name: SettingName, config: Config, seesValues: boolean) {
  const { env, kind, says, default: fallback } = settings[name];
  return {
    name: env,
    kind,
    says,
    default: fallback,
    ...(seesValues && { value: withoutPassword(config[name]), is_changed: config[name] !== fallback }),
  };
}

/** The password of an address, and what a query may carry, are nobody's to read. */
function withoutPassword(value: string | number | boolean): string | number | boolean {
  if (typeof value !== 'string') return value;
  return value.replace(/(\/\/[^/@:]*):[^/@]*@/g, '$1:***@').replace(/(password|secret|token|key)=[^&\s]+/gi, '$1=***');
}

function failureLine(code: FailureCode) {
  const { status, retryable, means } = failures[code];
  return { code, status, retryable, fault: faultOf(code), means };
}
