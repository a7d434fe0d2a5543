import { choice, integer, type Setting, text } from './setting.ts';

/** Which models are loaded, and the limits of a model. */
export const modelSettings = {
  modelControl: choice(
    'VITRINE_MODEL_CONTROL',
    'all',
    ['all', 'explicit', 'watch'],
    'all: load everything at start. explicit: only what VITRINE_LOAD_MODELS names, the rest by request. watch: everything, and follow the folder.',
  ),
  modelName: text(
    'VITRINE_MODEL_NAME',
    '',
    'Serve the folder of VITRINE_MODELS as one model of this name: versions, or one file *.onnx. For KServe, which mounts a model at /mnt/models.',
  ),
  loadModels: text(
    'VITRINE_LOAD_MODELS',
    '',
    'Models to load at start, by name, with commas between; only with explicit.',
  ),
  modelsWatchMs: integer(
    'VITRINE_MODELS_WATCH_MS',
    2_000,
    50,
    3_600_000,
    'How often the folder is looked at; only with watch. A change counts once it has been still for one interval.',
  ),
  modelsLoadingMax: integer(
    'VITRINE_MODELS_LOADING_MAX',
    4,
    1,
    64,
    'Models that may be loading at the same time. Lower it when memory runs short at start.',
  ),
  modelLoadMsMax: integer(
    'VITRINE_MODEL_LOAD_MS_MAX',
    300_000,
    10,
    86_400_000,
    'How long a lane may take to open a model and warm it up. Raise it for models of many gigabytes on a slow disk.',
  ),
  laneMemoryBytesMax: integer(
    'VITRINE_LANE_MEMORY_BYTES_MAX',
    0,
    0,
    2 ** 50,
    'Resident memory that a lane which is a process (lanes.kind) may take in a run; looked at twice a second. Beyond it the process is ended, its run fails as lane_crashed, and a new one takes over. 0: no limit. Linux.',
  ),
  freeElementsMax: integer(
    'VITRINE_FREE_ELEMENTS_MAX',
    2 ** 24,
    1,
    2 ** 40,
    'The largest product of a request’s free dimensions that model.json does not bound (dimensions_max, products_max). A model may make inner tensors of that size, from a few bytes.',
  ),
  outputBytesMax: integer(
    'VITRINE_OUTPUT_BYTES_MAX',
    256 * 1024 ** 2,
    1024,
    2 ** 40,
    'The most bytes that a request’s outputs may take, where the ONNX file gives their sizes. A request beyond it is refused before it runs.',
  ),
  rowProofMsMax: integer(
    'VITRINE_ROW_PROOF_MS_MAX',
    3_000,
    1,
    3_600_000,
    'How long a load may try whether the rows of a model are independent, so that requests can share a run. A model that takes longer runs its requests alone, unless model.json has batching. What was found out is kept by the file’s hash in VITRINE_DATA.',
  ),
  shortcutUsMax: integer(
    'VITRINE_SHORTCUT_US_MAX',
    500,
    0,
    100_000,
    'The longest batch that runs on the event loop instead of in its lane, in microseconds. Small models only; 0: none.',
  ),
  retryAttemptsMax: integer(
    'VITRINE_RETRY_ATTEMPTS_MAX',
    3,
    1,
    20,
    'How often work that is safe to repeat is tried, the first time included.',
  ),
  retryWaitMsFirst: integer(
    'VITRINE_RETRY_WAIT_MS_FIRST',
    1_000,
    1,
    600_000,
    'The wait before the second attempt; it doubles for each further one.',
  ),
} as const satisfies Record<string, Setting>;
