import { z } from 'zod';
import { idempotencyKey } from '../../http/idempotency-key.ts';

/** What tasks take in headers: read by the handlers and shown in /openapi.json. */
export const taskHeaders = z.object({
  Prefer: z
    .string()
    .optional()
    .describe('respond-async: answer 202 and do it as a job. Other preferences (RFC 7240) are passed over.')
    .meta({ example: 'respond-async' }),
  'Idempotency-Key': idempotencyKey.describe('Of a job: the same key with the same request never makes a second one.'),
});
