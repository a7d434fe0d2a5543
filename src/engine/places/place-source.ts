import type { KeyObject } from 'node:crypto';
import type { Config } from '../../config.ts';
import type { S3Config } from '../../s3/s3-bucket.ts';
import type { PlaceRecord } from './place-record.ts';
import type { Progress } from './progress.ts';

export type PlacesConfig = S3Config &
  Pick<Config, 'data' | 'models' | 'modelsBytesMax' | 'modelsFilesMax' | 'modelsLookMs' | 'modelsPublicKeyFile'>;

/** What a source works with. */
export type Errand = {
  /** The place's folder in VITRINE_DATA; nobody else changes anything in it. */
  readonly folder: string;
  /** What is there from before. */
  readonly had: PlaceRecord;
  readonly progress: Progress;
  readonly publicKey: KeyObject | undefined;
  readonly signal: AbortSignal;
  /** What is whole and verified is served from here on. */
  readonly keep: (record: PlaceRecord) => Promise<void>;
};

/** A place from which models are downloaded. */
export type PlaceSource = {
  /** Whether what it has may change. */
  readonly changes: boolean;
  /**
   * Gets what is there and not here yet. Throws models_unreachable or models_refused; what was kept
   * before stays.
   */
  bring(errand: Errand): Promise<void>;
};
