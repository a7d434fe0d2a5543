import type { Config } from '../../config.ts';

/** The settings that loading and keeping models goes by. */
export type RegistryConfig = Pick<
  Config,
  | 'data'
  | 'models'
  | 'modelControl'
  | 'loadModels'
  | 'modelsWatchMs'
  | 'modelLoadMsMax'
  | 'laneMemoryBytesMax'
  | 'shortcutUsMax'
  | 'modelsLoadingMax'
  | 'retryAttemptsMax'
  | 'retryWaitMsFirst'
  | 'breakerFailuresMax'
  | 'breakerOpenMs'
  | 'freeElementsMax'
  | 'outputBytesMax'
  | 'rowProofMsMax'
  | 'sequencesMax'
  | 'sequenceBytesMax'
  | 'clientSharePercent'
>;
