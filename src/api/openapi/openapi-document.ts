import { createDocument } from 'zod-openapi';
import type { Config } from '../../config.ts';
import { version } from '../../version.ts';
import { assistantPaths } from './assistant-paths.ts';
import { type DescribedPaths, describeRoutes } from './describe-routes.ts';
import { healthPaths } from './health-paths.ts';
import { inferencePaths } from './inference-paths.ts';
import { jobPaths } from './job-paths.ts';
import { observationPaths } from './observation-paths.ts';
import { taskPaths } from './task-paths.ts';

/** The description of every route, from the same schemas that check what comes in. */
export function openApiDocument(config: Config) {
  const described: DescribedPaths = {
    ...taskPaths(config),
    ...jobPaths(),
    ...inferencePaths(),
    ...observationPaths(),
    ...assistantPaths(),
    ...healthPaths(),
  };
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'Vitrine',
      version,
      description:
        'An inference server you can see through. Every answer names its trace (traceresponse) and where its time went (Server-Timing). Failures are JSON with a message that names the remedy, a code, and the trace. A parameter that is empty is not absent: it is refused where its description does not allow it. Tasks and inference take the header X-Request-Timeout-Ms, a whole number of at least 1: the answer is 504 when so many milliseconds pass first.',
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
        key: { type: 'http', scheme: 'bearer', description: 'An API key, where the server has keys.' },
        keyHeader: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description: 'The same key in a header of its own.',
        },
        administrator: { type: 'http', scheme: 'bearer', description: 'A token of VITRINE_ADMIN_TOKEN_FILE.' },
      },
    },
    paths: describeRoutes(described, { hasKeys: config.apiKeysFile !== '' || config.oidcIssuer !== '' }),
  });
}
