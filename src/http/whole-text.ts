import { z } from 'zod';

/**
 * A whole number as queries and headers carry it: digits. In /openapi.json it is an integer with
 * its limits.
 */
export function wholeText(name: string, min: number, max: number) {
  const error = `${name} is no whole number from ${min} to ${max}`;
  return z
    .string({ error })
    .regex(/^\d{1,15}$/, error)
    .refine((digits) => Number(digits) >= min && Number(digits) <= max, error)
    .transform(Number)
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern;
        Object.assign(jsonSchema, { type: 'integer', minimum: min, maximum: max });
      },
    });
}
