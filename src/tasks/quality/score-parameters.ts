import { z } from 'zod';
import { criteria } from './rank-files.ts';

const names = Object.keys(criteria) as [keyof typeof criteria, ...(keyof typeof criteria)[]];

export function scoreParameters() {
  return z
    .strictObject({
      weights: z
        .preprocess(
          fromText,
          z
            .partialRecord(z.enum(names), z.number().min(0).max(1000), {
              error: (issue) =>
                issue.code === 'invalid_type' ? 'no JSON object of weights, as in {"si_sdr": 2, "stoi": 1}' : undefined,
            })
            .refine((given) => Object.values(given).some((weight) => (weight ?? 0) > 0), 'no weight is above 0'),
        )
        .optional()
        .describe(
          'How much each measure counts when several files are ranked (TOPSIS), by its name; left out: those that all files have, equally. In a form: as JSON.',
        ),
    })
    .meta({ id: 'ScoreRequest' });
}

/** A form has text only; what is no JSON stays what it is and is refused by the schema. */
function fromText(given: unknown): unknown {
  if (typeof given !== 'string') return given;
  try {
    return JSON.parse(given);
  } catch {
    return given;
  }
}
