import type { LoadedModel } from '../model.ts';
import type { Pipeline } from './pipeline.ts';

/** What the registry serves under a name and a version. */
export type RunnableModel = LoadedModel | Pipeline;
