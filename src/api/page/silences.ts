import type { Request, Response } from 'express';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { readJsonBy } from '../../http/json/read-json-by.ts';
import { leftSignal } from '../../http/while-open.ts';
import { say } from '../../sentence.ts';
import type { AuditEntry } from '../access/audit-entry.ts';
import { changeAlertmanager } from '../backends-proxy/ask-backend.ts';

type Parts = { config: Config; bodies: BodyReader };

const minutesMax = 7 * 24 * 60;

const silenceAsked = z.strictObject({
  /** Labels that an alert must have, each with its value. */
  matchers: z
    .array(z.strictObject({ name: z.string().min(1).max(128), value: z.string().max(1024) }))
    .min(1)
    .max(32),
  minutes: z.int().min(1).max(minutesMax),
  comment: z.string().min(1).max(500),
  created_by: z.string().min(1).max(100),
});

/** POST /page/silences: nobody is notified of these alerts for a while, by Alertmanager. */
export function silenceAlerts({ config, bodies }: Parts) {
  return async (request: Request, response: Response, entry: AuditEntry): Promise<void> => {
    const { matchers, minutes, comment, created_by } = await readJsonBy(silenceAsked, bodies, request);
    entry.to = `silenced for ${minutes} minutes: ${matchers.map(({ name, value }) => `${name}=${value}`).join(', ')}`;
    const now = Date.now();
    const answer = await changeAlertmanager(
      'POST',
      '/api/v2/silences',
      {
        matchers: matchers.map((matcher) => ({ ...matcher, isRegex: false, isEqual: true })),
        startsAt: new Date(now).toISOString(),
        endsAt: new Date(now + minutes * 60_000).toISOString(),
        createdBy: created_by,
        comment,
      },
      asking(config, response),
    );
    response.status(201).json({ id: (JSON.parse(answer.toString()) as { silenceID: string }).silenceID });
  };
}

/** DELETE /page/silences/:id: it ends now. */
export function endSilence({ config }: Parts) {
  return async (request: Request, response: Response, entry: AuditEntry): Promise<void> => {
    const id = String(request.params.id);
    if (!/^[0-9a-f-]{36}$/.test(id))
      throw new ServiceError(
        'not_found',
        say`Cannot end the silence: this is no id of one; GET /backends/alertmanager/api/v2/silences lists them.`,
      );
    entry.from = `silence ${id}`;
    await changeAlertmanager('DELETE', `/api/v2/silence/${id}`, undefined, asking(config, response));
    response.status(204).end();
  };
}

function asking(config: Config, response: Response) {
  return {
    config,
    tenants: '',
    signal: AbortSignal.any([leftSignal(response), AbortSignal.timeout(config.proxyMsMax)]),
  };
}
