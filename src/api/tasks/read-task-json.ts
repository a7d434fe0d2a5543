import type { Request } from 'express';
import type { BodyReader } from '../body-reader.ts';
import { jsonTooLong, readJsonBody } from '../read-json-body.ts';

/** Parameters are words and numbers: far more than the longest prompt. */
const taskJsonBytesMax = 256 * 1024;

/** The parameters of a task that needs no file. */
export async function readTaskJson(bodies: BodyReader, request: Request): Promise<Record<string, unknown>> {
  if (Number(request.headers['content-length'] ?? 0) > taskJsonBytesMax) throw jsonTooLong(taskJsonBytesMax);
  return { ...(await readJsonBody(bodies, request, taskJsonBytesMax)) };
}
