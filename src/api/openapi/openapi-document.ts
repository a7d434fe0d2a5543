import { createDocument, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { Config } from '../../config.ts';
import { version } from '../../version.ts';
import { healthPaths } from './health-paths.ts';
import { inferencePaths } from './inference-paths.ts';
import { jobPaths } from './job-paths.ts';
import { observationPaths } from './observation-paths.ts';
import { taskPaths } from './task-paths.ts';

/** The description of every route, from the same schemas that check what comes in. */
export function openApiDocument(config: Config) {
  const paths: ZodOpenApiPathsObject = {
    ...taskPaths(config),
    ...jobPaths(),
    ...inferencePaths(),
    ...observationPaths(),
    ...healthPaths(),
  };
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Vitrine',
      version,
      description:
        'An inference server you can see through. Every answer names its trace (traceresponse) and where its time went (Server-Timing). Failures are JSON with a message that names the remedy, a code, and the trace.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    tags: [
      { name: 'tasks', description: 'Separation, generation, quality, materials, speech.' },
      { name: 'jobs', description: 'Work that outlives its request.' },
      { name: 'inference', description: 'The Open Inference Protocol v2.' },
      { name: 'repository', description: 'Loading, unloading and settings: administration.' },
      { name: 'requests', description: 'What became of requests.' },
      { name: 'health', description: 'For probes and people.' },
    ],
    components: {
      securitySchemes: {
        key: { type: 'http', scheme: 'bearer', description: 'An API key, where the server has keys; or X-API-Key.' },
      },
    },
    security: [{ key: [] }, {}],
    paths,
  });
}
