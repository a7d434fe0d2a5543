import type { Request } from 'express';
import type { BodyReader } from '../../http/body-reader.ts';
import { readJsonBody } from '../../http/json/read-json-body.ts';

/** The parameters of a task that needs no file. */
export async function readTaskJson(bodies: BodyReader, request: Request): Promise<Record<string, unknown>> {
  return { ...(await readJsonBody(bodies, request)) };
}
