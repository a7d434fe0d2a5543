import type { ZodOpenApiOperationObject, ZodOpenApiPathsObject, ZodOpenApiResponsesObject } from 'zod-openapi';
import type { FailureCode } from '../../errors.ts';
import type { RouteTable, Verb } from '../../http/route-table.ts';
import { serviceRoutes, type Word } from '../routes.ts';
import { failing } from './answers.ts';

/** An operation with its own failures; its guards' failures are added here. */
export type Described = Omit<ZodOpenApiOperationObject, 'responses'> & {
  readonly operationId: string;
  readonly responses: ZodOpenApiResponsesObject;
  readonly fails?: readonly FailureCode[];
};

export type DescribedPaths = Readonly<Record<string, { readonly [Each in Verb]?: Described }>>;

/** Of every request to every route: what the server itself refuses, and its defects. */
const ofEvery: readonly FailureCode[] = ['invalid_request', 'headers_too_large', 'share_used', 'busy', 'internal'];

/** Of everything that is read whole: the body reader's. */
const ofBodies: readonly FailureCode[] = [
  'invalid_body',
  'body_incomplete',
  'body_too_slow',
  'body_too_large',
  'encoding_not_supported',
];

/**
 * What the guards of a route can answer, by its word in the table of routes (see
 * access/guard-route.ts and access/access-control.ts).
 */
export function failuresOfGuards(path: string, verb: Verb, word: Word, hasBody: boolean): readonly FailureCode[] {
  const codes = [...ofEvery];
  if (word.may !== 'open') codes.push('unauthorized', 'forbidden');
  if (word.may === 'client' && word.quota !== undefined) codes.push('rate_limited');
  if (path.includes(':model')) codes.push('model_not_found');
  if (verb === 'post' && hasBody) codes.push(...ofBodies);
  return codes;
}

/**
 * The paths as OpenAPI has them: each operation with all of its failures, and with who may use it,
 * by the table of routes.
 */
export function describeRoutes(described: DescribedPaths, { hasKeys }: { hasKeys: boolean }): ZodOpenApiPathsObject {
  const table: RouteTable<Word> = serviceRoutes;
  const paths: Record<string, Record<string, ZodOpenApiOperationObject>> = {};
  for (const [path, verbs] of Object.entries(described)) {
    const route = path.replace(/\{(\w+)\}/g, ':$1');
    const operations: Record<string, ZodOpenApiOperationObject> = {};
    for (const [verb, { fails = [], responses, ...operation }] of Object.entries(verbs) as [Verb, Described][]) {
      const word = table[route]?.[verb];
      if (!word) throw new Error(`${verb} ${route} is described, but is not in the table of routes`);
      const codes = new Set([...failuresOfGuards(route, verb, word, operation.requestBody !== undefined), ...fails]);
      operations[verb] = {
        ...operation,
        security: securityOf(word, hasKeys),
        responses: { ...failing(...codes), ...responses },
      };
    }
    paths[path] = operations;
  }
  return paths;
}

function securityOf(word: Word, hasKeys: boolean) {
  if (word.may === 'open' || !hasKeys) return [];
  return word.may === 'administrator' ? [{ administrator: [] }] : [{ key: [] }, { keyHeader: [] }];
}
