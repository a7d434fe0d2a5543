import { z } from 'zod';
import type {
  ZodOpenApiContentObject,
  ZodOpenApiOperationObject,
  ZodOpenApiPathsObject,
  ZodOpenApiResponseObject,
} from 'zod-openapi';
import type { Config } from '../../config.ts';
import type { TaskKind } from '../../tasks/task.ts';
import { taskParameters } from '../../tasks/task-parameters.ts';
import { binary, failing, file, json } from './answers.ts';
import { jobSchema } from './job-paths.ts';

/** POST /v1/<task>, and the short form that people know. */
export function taskPaths(config: Config): ZodOpenApiPathsObject {
  const separate = withFile('separate', config, {
    summary: 'Separate a sound into stems',
    description:
      'wav, flac, mp3, ogg (Vorbis, Opus) or aiff of any length. Accept: application/zip (all stems, the default), audio/wav (with `stem`), application/json (links to the stems: the request makes a job, waits for it and answers its files; 202 where the deadline comes first).',
    fields: { file: binary().describe('The sound.') },
    answer: file('The stems.', 'application/zip', 'audio/wav', 'application/json'),
  });
  return {
    '/v1/separate': { post: { ...separate, operationId: 'separate' } },
    '/separate': { post: { ...separate, operationId: 'separateShort', summary: 'The same as /v1/separate' } },
    '/v1/generate': {
      post: withParameters('generate', config, {
        summary: 'Generate a sound from a prompt',
        description:
          'A procedural synthesizer: the same prompt, length and seed give the same bytes. What of the prompt had an effect is in X-Vitrine-Facts.',
        answer: file('The sound.', 'audio/wav'),
      }),
    },
    '/v1/score': {
      post: withFile('score', config, {
        summary: 'Measure the quality of sounds',
        description:
          'Each file by itself: loudness (BS.1770), peak, clipping, silence, DNSMOS. With a reference: SNR, segmental SNR, SI-SDR, STOI. Several files are ranked (TOPSIS). PESQ is not available: its licence forbids to ship it.',
        fields: {
          file: z.union([binary(), z.array(binary())]).describe('One or several sounds.'),
          reference: binary().optional().describe('The clean sound that the others are held against.'),
        },
        answer: json('Measures, and the ranking of several files.'),
      }),
    },
    '/v1/microstructure': {
      post: withParameters('microstructure', config, {
        summary: 'Grow a two-phase microstructure',
        description:
          'A diffusion sampler for Gaussian fields, cut at a level. Measured statistics and model_accuracy (against the exact ones) are in the JSON, or in X-Vitrine-Facts.',
        answer: file('The microstructure.', 'image/png', 'application/octet-stream', 'application/json'),
      }),
    },
    '/v1/speech': {
      post: withFile('speech', config, {
        summary: 'Find the speech in a sound',
        description: 'Silero VAD: stretches of speech, in seconds.',
        fields: { file: binary().describe('The sound.') },
        answer: json('The stretches of speech.'),
      }),
    },
  };
}

type Described = { summary: string; description: string; answer: ZodOpenApiResponseObject };

function withParameters(kind: TaskKind, config: Config, of: Described): ZodOpenApiOperationObject {
  return operation(kind, of, { 'application/json': { schema: taskParameters[kind](config) } });
}

function withFile(
  kind: TaskKind,
  config: Config,
  of: Described & { fields: Record<string, z.ZodType> },
): ZodOpenApiOperationObject {
  const parameters = taskParameters[kind](config) as z.ZodObject;
  const form = z
    .object({ ...of.fields, ...parameters.shape })
    .meta({ id: `${kind[0]?.toUpperCase()}${kind.slice(1)}Form` });
  return operation(kind, of, { 'multipart/form-data': { schema: form } });
}

function operation(
  kind: TaskKind,
  { summary, description, answer }: Described,
  content: ZodOpenApiContentObject,
): ZodOpenApiOperationObject {
  return {
    operationId: kind,
    tags: ['tasks'],
    summary,
    description,
    requestParams: {
      header: z.object({
        Prefer: z.enum(['respond-async']).optional().describe('Answer 202 and do it as a job.'),
        'Idempotency-Key': z.string().max(255).optional().describe('Of a job: the same key never makes a second one.'),
        'X-Request-Timeout-Ms': z.string().optional().describe('Give up after so many milliseconds.'),
      }),
    },
    requestBody: { required: true, content },
    responses: {
      '200': answer,
      '202': json('With Prefer: respond-async: the job.', jobSchema),
      ...failing(
        'invalid_request',
        'invalid_body',
        'invalid_input',
        'invalid_audio',
        'body_incomplete',
        'unauthorized',
        'forbidden',
        'model_not_found',
        'not_acceptable',
        'body_too_slow',
        'body_too_large',
        'audio_too_long',
        'media_not_supported',
        'rate_limited',
        'inference_failed',
        'busy',
        'queue_full',
        'model_not_ready',
        'circuit_open',
        'not_kept',
        'deadline_exceeded',
      ),
    },
  };
}
