import { z } from 'zod';
import type { ZodOpenApiResponsesObject } from 'zod-openapi';
import { type FailureCode, failures } from '../../errors.ts';

export const failureAnswer = z
  .object({
    error: z.string().describe('Cannot <do what>: <current state>; <remedy>.'),
    code: z.enum(Object.keys(failures) as [FailureCode, ...FailureCode[]]).describe('docs/errors.md has all of them.'),
    trace_id: z.string().describe('The trace and log lines of this request.'),
  })
  .meta({ id: 'Failure' });

/** The answers of failures, by status, with the codes that have it. */
export function failing(...codes: readonly FailureCode[]): ZodOpenApiResponsesObject {
  const byStatus = Map.groupBy(codes, (code) => failures[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      String(status),
      {
        description: of.map((code) => `${code}: ${failures[code].means}`).join(' '),
        content: { 'application/json': { schema: failureAnswer } },
      },
    ]),
  );
}

export function json(description: string, schema: z.ZodType = z.looseObject({})) {
  return { description, content: { 'application/json': { schema } } };
}

/** A body that has to be there. */
export function jsonBody(description: string, schema: z.ZodType) {
  return { required: true, ...json(description, schema) };
}

export function file(description: string, ...types: readonly string[]) {
  const content = Object.fromEntries(
    types.map((type) => [type, { schema: type === 'application/json' ? z.looseObject({}) : binary() }]),
  );
  return { description, content };
}

/** Bytes, as forms and files carry them. */
export function binary() {
  return z.string().meta({ override: { type: 'string', format: 'binary' } });
}
