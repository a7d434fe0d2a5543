import type { Request, Response } from 'express';
import { version } from '../../version.ts';

/** The extensions of the Open Inference Protocol that are served; clients go by this list. */
const extensions = [
  'binary_tensor_data',
  'model_configuration',
  'model_repository',
  'statistics',
  'trace',
  'logging',
  'sequence',
  'schedule_policy',
  'parameters',
];

export const serverFacts = { name: 'vitrine', version, extensions } as const;

/** GET /v2 */
export function serverMetadata(_request: Request, response: Response): void {
  response.json(serverFacts);
}
