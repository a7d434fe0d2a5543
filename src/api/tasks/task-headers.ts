import { z } from 'zod';

const noKey = 'the header Idempotency-Key is not 1 to 255 visible ASCII characters';

/** What tasks take in headers: read by the handlers and shown in /openapi.json. */
export const taskHeaders = z.object({
  Prefer: z
    .string()
    .optional()
    .describe('respond-async: answer 202 and do it as a job. Other preferences (RFC 7240) are passed over.')
    .meta({ example: 'respond-async' }),
  'Idempotency-Key': z
    .string({ error: noKey })
    .regex(/^[\x21-\x7e]{1,255}$/, noKey)
    .optional()
    .describe('Of a job: the same key with the same request never makes a second one.'),
});
