import type { Request } from 'express';
import type { BodyReader } from '../body-reader.ts';
import { type JsonObject, objectAt } from './json-fields.ts';
import { parseJson } from './parse-json.ts';

/**
 * The body of a request that is no inference: a JSON object, or nothing, which is the empty object.
 * There is no other way to read one: it is bounded in bytes (VITRINE_PARAMETERS_BYTES_MAX) and in
 * what it is made of.
 */
export async function readJsonBody(bodies: BodyReader, request: Request): Promise<JsonObject> {
  const body = await bodies.read(request, bodies.parametersBytesMax);
  try {
    return body.bytes.length === 0 ? {} : objectAt(parseJson(body.bytes), 'the JSON');
  } finally {
    body.release();
  }
}
