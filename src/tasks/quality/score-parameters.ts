import { z } from 'zod';
import { criteria } from './rank-files.ts';

const names = Object.keys(criteria) as [keyof typeof criteria, ...(keyof typeof criteria)[]];

export function scoreParameters() {
  return z
    .strictObject({
      weights: z
        .preprocess(
          fromText,
          z.partialRecord(z.enum(names), z.number().min(0).max(1000), {
            error: (issue) =>
              issue.code === 'invalid_type' ? 'no JSON object of weights, as in {"si_sdr": 2, "stoi": 1}' : undefined,
          }),
        )
        .optional()
        .describe(
          'How much each measure counts when several files are ranked (TOPSIS), by its name; left out, or none above 0: those that some file has, equally. In a form: as JSON.',
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
