import type { Request } from 'express';
import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';
import type { BodyReader } from './body-reader.ts';
import { type JsonObject, objectAt } from './open-inference/json-fields.ts';
import { parseJson } from './open-inference/parse-json.ts';

/** The body of a request that is no inference: a JSON object, or nothing, which is the empty object. What is longer is not parsed: that holds up everyone. */
export async function readJsonBody(
  bodies: BodyReader,
  request: Request,
  bytesMax = Number.POSITIVE_INFINITY,
): Promise<JsonObject> {
  const body = await bodies.read(request);
  try {
    if (body.bytes.length > bytesMax) throw jsonTooLong(bytesMax);
    return body.bytes.length === 0 ? {} : objectAt(parseJson(body.bytes), 'the JSON');
  } finally {
    body.release();
  }
}

export function jsonTooLong(bytesMax: number): ServiceError {
  return new ServiceError(
    'body_too_large',
    say`Cannot read the parameters: they are longer than ${bytesMax} bytes; send less.`,
  );
}
