import { z } from 'zod';

const wrong = 'the header Idempotency-Key is not 1 to 255 visible ASCII characters';

/** What the header Idempotency-Key may be, in every route that takes one. */
export const idempotencyKey = z
  .string({ error: wrong })
  .regex(/^[\x21-\x7e]{1,255}$/, wrong)
  .optional();
