import { integer, type Setting } from './setting.ts';

/** Limits of jobs and of what they keep on disk. */
export const jobSettings = {
  workBytesMax: integer(
    'VITRINE_WORK_BYTES_MAX',
    10 * 1024 ** 3,
    1024,
    2 ** 50,
    'What uploads, temporary files and kept results may hold on disk together. Full, new work is refused.',
  ),
  jobUploadsPercent: integer(
    'VITRINE_JOB_UPLOADS_PERCENT',
    25,
    1,
    90,
    'How much of VITRINE_WORK_BYTES_MAX the uploads of jobs that have not ended may take. The rest is for what runs and for results, each of which is several times its upload; no result may be larger.',
  ),
  jobsMax: integer(
    'VITRINE_JOBS_MAX',
    10_000,
    1,
    10_000_000,
    'Jobs that are remembered at once, ended ones with kept results included. Full, new jobs are refused.',
  ),
  jobsOfTenantMax: integer(
    'VITRINE_JOBS_OF_TENANT_MAX',
    200,
    1,
    10_000_000,
    'Jobs of one tenant that have not ended. Clients without a key share one tenant.',
  ),
  jobsRunningMax: integer(
    'VITRINE_JOBS_RUNNING_MAX',
    2,
    1,
    256,
    'Jobs worked on at once. Raise it with the number of cores; requests that wait for their answer compete with them.',
  ),
  jobsOfKindRunningMax: integer(
    'VITRINE_JOBS_OF_KIND_RUNNING_MAX',
    2,
    1,
    256,
    'Jobs of one kind worked on at once. Below VITRINE_JOBS_RUNNING_MAX, one kind cannot take every place.',
  ),
  jobMsMax: integer(
    'VITRINE_JOB_MS_MAX',
    3_600_000,
    100,
    7 * 86_400_000,
    'How long one attempt at a job may take before it fails as deadline_exceeded.',
  ),
  jobInterruptionsMax: integer(
    'VITRINE_JOB_INTERRUPTIONS_MAX',
    3,
    1,
    10_000,
    'How often the process may end while nothing but one job is worked on before that job fails as job_interrupted: it is what ends it. A stop in order is not counted. Raise it where processes are often killed for other reasons.',
  ),
  jobResultAgeMsMax: integer(
    'VITRINE_JOB_RESULT_AGE_MS_MAX',
    86_400_000,
    1_000,
    365 * 86_400_000,
    'How long an ended job and its result are kept, and its Idempotency-Key is known.',
  ),
  eventListenersMax: integer(
    'VITRINE_EVENT_LISTENERS_MAX',
    256,
    1,
    100_000,
    'Callers that may follow jobs by /v1/jobs/{id}/events at once.',
  ),
  eventHeartbeatMs: integer(
    'VITRINE_EVENT_HEARTBEAT_MS',
    15_000,
    100,
    600_000,
    'How often a follower hears that the connection is alive. Shorter than the idle time of the proxies in between.',
  ),
} as const satisfies Record<string, Setting>;
