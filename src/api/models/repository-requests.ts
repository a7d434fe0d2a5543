import { z } from 'zod';

// The bodies of /v2/repository: read by the handlers and shown in /openapi.json. What else Triton's
// clients send is passed over.

export const indexRequest = z
  .looseObject({ ready: z.boolean().optional().describe('Only those that are ready.') })
  .meta({ id: 'RepositoryIndexRequest', example: { ready: true } });

export const loadRequest = z
  .looseObject({
    parameters: z
      .looseObject({
        config: z
          .union([z.record(z.string(), z.unknown()), z.string()])
          .optional()
          .describe('A manifest (model.json) in place of the one in the repository: an object, or the same as text.'),
      })
      .optional(),
  })
  .meta({ id: 'LoadRequest', example: { parameters: {} } });

export const unloadRequest = z
  .looseObject({
    parameters: z
      .looseObject({
        unload_dependents: z
          .boolean()
          .optional()
          .describe('Passed over: pipelines that need the model are not ready until it is loaded again.'),
      })
      .optional(),
  })
  .meta({ id: 'UnloadRequest', example: { parameters: { unload_dependents: false } } });
