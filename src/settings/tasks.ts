import { integer, type Setting } from './setting.ts';

/** Limits of a task and of its files. */
export const taskSettings = {
  tasksRunningMax: integer(
    'VITRINE_TASKS_RUNNING_MAX',
    2,
    1,
    64,
    'Tasks worked on at once, each in a thread of its own (10 MB idle, at most VITRINE_TASK_MEMORY_BYTES_MAX). As many as there are cores.',
  ),
  tasksWaitingMax: integer(
    'VITRINE_TASKS_WAITING_MAX',
    16,
    0,
    10_000,
    'Tasks that may wait for a thread. Beyond it tasks are refused with Retry-After.',
  ),
  taskMemoryBytesMax: integer(
    'VITRINE_TASK_MEMORY_BYTES_MAX',
    512 * 2 ** 20,
    64 * 2 ** 20,
    2 ** 40,
    'Memory that one task may hold: objects, arrays and decoders of its thread. A task over it is ended alone. Times VITRINE_TASKS_RUNNING_MAX, beside the service’s own memory, it must fit the container.',
  ),
  taskMsMax: integer(
    'VITRINE_TASK_MS_MAX',
    300_000,
    10,
    86_400_000,
    'The longest a task may take while its caller waits; a request may ask for less (header X-Request-Timeout-Ms). What takes longer belongs into a job.',
  ),
  uploadBytesMax: integer(
    'VITRINE_UPLOAD_BYTES_MAX',
    2 ** 30,
    1024,
    2 ** 40,
    'The largest file that a task takes. It goes to disk as it arrives, not into memory.',
  ),
  uploadFilesMax: integer('VITRINE_UPLOAD_FILES_MAX', 100, 1, 10_000, 'Files in one field of a task’s form.'),
  audioSecondsMax: integer('VITRINE_AUDIO_SECONDS_MAX', 7_200, 1, 86_400, 'The longest sound that is taken.'),
  audioChannelsMax: integer('VITRINE_AUDIO_CHANNELS_MAX', 8, 1, 64, 'The most channels of a sound that is taken.'),
  audioSamplesMax: integer(
    'VITRINE_AUDIO_SAMPLES_MAX',
    2 ** 30,
    1,
    2 ** 40,
    'The most samples of a sound that is taken, all channels together: what is decoded, read through and written again, whatever the size of the file. Two hours of stereo at 48 kHz are 0.7 × 10⁹.',
  ),
  scoreSecondsMax: integer(
    'VITRINE_SCORE_SECONDS_MAX',
    600,
    1,
    7_200,
    'The longest sound that is scored or searched for speech. Ten minutes take DNSMOS minutes of work; intelligibility keeps 80 KB a second.',
  ),
  generateSecondsMax: integer('VITRINE_GENERATE_SECONDS_MAX', 60, 1, 600, 'The longest sound that is generated.'),
  microstructurePixelsMax: integer(
    'VITRINE_MICROSTRUCTURE_PIXELS_MAX',
    2 ** 20,
    1024,
    2 ** 26,
    'Pixels of all samples of one microstructure task together.',
  ),
} as const satisfies Record<string, Setting>;
