import type { Config } from '../../config.ts';
import type { PlacesConfig } from '../places/place-source.ts';

/** The settings that loading and keeping models goes by. */
export type RegistryConfig = PlacesConfig &
  Pick<
    Config,
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
