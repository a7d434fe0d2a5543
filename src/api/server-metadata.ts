import type { RequestHandler } from 'express';
import { version } from '../version.ts';
import type { Door } from './door.ts';

/** The extensions of the Open Inference Protocol that are served; clients go by this list. */
const extensions = [
  'binary_tensor_data',
  'model_configuration',
  'model_repository',
  'statistics',
  'trace',
  'logging',
  'schedule_policy',
  'parameters',
];

/** GET /v2 */
export function serverMetadata({ door }: { door: Door }): RequestHandler {
  return (request, response) => {
    door.identify(request);
    response.json({ name: 'vitrine', version, extensions });
  };
}
