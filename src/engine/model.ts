import { ServiceError } from '../errors.ts';
import type { InferAnswer, InferRequest } from './inference.ts';
import type { Manifest } from './manifest.ts';
import { Statistics } from './statistics.ts';

export type { InferAnswer, InferRequest } from './inference.ts';

/** One version of one model, ready to run. */
export class LoadedModel {
  readonly manifest: Manifest;
  readonly statistics = new Statistics();

  constructor(manifest: Manifest) {
    this.manifest = manifest;
  }

  get name(): string {
    return this.manifest.name;
  }

  get version(): string {
    return this.manifest.version;
  }

  /** Checks names, types and shapes first (invalid_input says what and where), then runs the request in a batch. */
  async infer(_request: InferRequest): Promise<InferAnswer> {
    throw new ServiceError('model_not_ready', `Cannot run ${this.name}: its lanes are being built; ask again later.`);
  }
}
