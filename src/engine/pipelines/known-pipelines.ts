import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { PipelineFile } from '../registry/manifest-schema.ts';

/** What is to be served of a pipeline, whether it is ready or waits for its models. */
type Known = { readonly file: PipelineFile; readonly versions: readonly string[] };

/** The pipelines that are loaded, or are to be as soon as their models are there. */
export class KnownPipelines {
  readonly #known = new Map<string, Known>();

  note(name: string, file: PipelineFile, versions: readonly string[]): void {
    this.#known.set(name, { file, versions });
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  find(name: string): Known | undefined {
    return this.#known.get(name);
  }

  get all(): ReadonlyMap<string, Known> {
    return this.#known;
  }

  /** Those with a step that asks this model, or this pipeline. */
  needing(model: string): string[] {
    return [...this.#known].filter(([, { file }]) => modelsOf(file).includes(model)).map(([name]) => name);
  }

  /** Throws invalid_model where the steps of a pipeline lead back to it. */
  refuseCircle(name: string): void {
    const circle = this.#wayBack(name, name, [name], new Set());
    if (circle === undefined) return;
    throw new ServiceError(
      'invalid_model',
      say`Cannot load pipeline ${ours(name)}: its steps lead back to itself: ${ours(circle.join(' → '))}; take the pipeline out of the steps of one of them.`,
    );
  }

  /** `seen`: those that were followed already, and do not lead there. */
  #wayBack(from: string, to: string, way: readonly string[], seen: Set<string>): readonly string[] | undefined {
    const known = this.#known.get(from);
    if (!known || seen.has(from)) return undefined;
    seen.add(from);
    for (const model of modelsOf(known.file)) {
      if (model === to) return [...way, to];
      const back = this.#wayBack(model, to, [...way, model], seen);
      if (back) return back;
    }
    return undefined;
  }
}

export function modelsOf({ steps }: PipelineFile): string[] {
  return steps.flatMap(({ model }) => model ?? []);
}

/** Each pipeline behind those that it asks; circles in any order. */
export function inOrderOfNeed(files: ReadonlyMap<string, PipelineFile>): string[] {
  const ordered = new Set<string>();
  const visit = (name: string, way: readonly string[]) => {
    const file = files.get(name);
    if (!file || ordered.has(name) || way.includes(name)) return;
    for (const model of modelsOf(file)) visit(model, [...way, name]);
    ordered.add(name);
  };
  for (const name of files.keys()) visit(name, []);
  return [...ordered];
}
