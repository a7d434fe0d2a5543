import { z } from 'zod';
import type { ZodOpenApiContentObject, ZodOpenApiResponseObject } from 'zod-openapi';
import type { Config } from '../../config.ts';
import type { FailureCode } from '../../errors.ts';
import type { TaskKind } from '../../task-kinds.ts';
import { taskParameters } from '../../tasks/task-parameters.ts';
import { taskHeaders } from '../tasks/task-headers.ts';
import { binary, file, json } from './answers.ts';
import type { Described, DescribedPaths } from './describe-routes.ts';
import { jobRecord } from './job-paths.ts';
import { soundExample } from './sound-example.ts';

/** POST /v1/<task>, and the short form that people know. */
export function taskPaths(config: Config): DescribedPaths {
  const separate = withFile('separate', config, {
    summary: 'Separate a sound into stems',
    description:
      'wav, flac, mp3, ogg (Vorbis, Opus) or aiff of any length. Accept: application/zip (all stems, the default), audio/wav (with `stem`), application/json (links to the stems: the request makes a job, waits for it and answers its files; 202 where the deadline comes first). With `stem`, `stream` or Accept: audio/pcm or text/event-stream sends the stem while it is made.',
    fields: { file: binary().describe('The sound.') },
    answer: file('The stems.', 'application/zip', 'audio/wav', 'application/json', 'audio/pcm', 'text/event-stream'),
    fails: ['stem_not_found'],
  });
  return {
    '/v1/separate': { post: { ...separate, operationId: 'separate' } },
    '/separate': { post: { ...separate, operationId: 'separateShort', summary: 'The same as /v1/separate' } },
    '/v1/generate': {
      post: withParameters('generate', config, {
        summary: 'Generate a sound from a prompt',
        description:
          'A procedural synthesizer: the same prompt, length and seed give the same bytes. What of the prompt had an effect is in X-Vitrine-Facts. With `stream`, or Accept: audio/pcm or text/event-stream, the sound is sent while it is made.',
        answer: file('The sound.', 'audio/wav', 'audio/pcm', 'text/event-stream'),
        fails: ['not_acceptable'],
      }),
    },
    '/v1/score': {
      post: withFile('score', config, {
        summary: 'Measure the quality of sounds',
        description:
          'Each file by itself: loudness (BS.1770), peak, clipping, silence, DNSMOS. With a reference: SNR, segmental SNR, SI-SDR, STOI. Several files are ranked (TOPSIS). PESQ is not available: its licence forbids to ship it.',
        fields: {
          file: z.array(binary()).min(1).max(config.uploadFilesMax).describe('One or several sounds.'),
          reference: binary().optional().describe('The clean sound that the others are held against.'),
        },
        example: { file: [soundExample] },
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

type Told = { summary: string; description: string; answer: ZodOpenApiResponseObject };

function withParameters(kind: TaskKind, config: Config, of: Told & { fails?: readonly FailureCode[] }): Described {
  return operation(kind, of, { 'application/json': { schema: taskParameters[kind](config) } }, of.fails);
}

const onlyOneStemIsStreamed = {
  if: { properties: { stream: { const: true } }, required: ['stream'] },
  // biome-ignore lint/suspicious/noThenProperty: a word of JSON Schema.
  then: { properties: { format: { const: 'wav' } }, required: ['stem'] },
};

function withFile(
  kind: TaskKind,
  config: Config,
  of: Told & { fields: Record<string, z.ZodType>; example?: Record<string, unknown>; fails?: readonly FailureCode[] },
): Described {
  const parameters = taskParameters[kind](config) as z.ZodObject;
  const form = z.strictObject({ ...of.fields, ...parameters.shape }).meta({
    id: `${kind[0]?.toUpperCase()}${kind.slice(1)}Form`,
    override: ({ jsonSchema }) => {
      if ('stem' in parameters.shape) Object.assign(jsonSchema, onlyOneStemIsStreamed);
    },
  });
  const example = { file: soundExample, ...of.example };
  return operation(kind, of, { 'multipart/form-data': { schema: form, example } }, [
    'invalid_audio',
    'media_not_supported',
    'audio_too_long',
    'task_too_large',
    'not_acceptable',
    ...(of.fails ?? []),
  ]);
}

function operation(
  kind: TaskKind,
  { summary, description, answer }: Told,
  content: ZodOpenApiContentObject,
  fails: readonly FailureCode[] = [],
): Described {
  return {
    operationId: kind,
    tags: ['tasks'],
    summary,
    description,
    requestParams: { header: taskHeaders },
    // Everything of a microstructure has a default, so that its body may be left out.
    requestBody: { required: kind !== 'microstructure', content },
    responses: { '200': answer, '202': jobRecord('With Prefer: respond-async: the job.') },
    fails: [
      ...fails,
      ...(kind === 'generate' ? (['prompt_not_understood'] as const) : []),
      ...(kind === 'microstructure' ? (['not_acceptable'] as const) : []),
      'invalid_input',
      'model_not_found',
      'inference_failed',
      'queue_full',
      'model_not_ready',
      'circuit_open',
      'lane_crashed',
      'not_kept',
      'idempotency_key_reused',
      'job_cancelled',
      'deadline_exceeded',
      'caller_deadline_exceeded',
    ],
  };
}
