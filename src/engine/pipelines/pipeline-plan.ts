import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { PipelineFile } from '../registry/manifest-schema.ts';
import { shapesFit, type TensorSpec } from '../registry/tensor-spec.ts';
import type { OperationName } from './operations/operation-names.ts';
import type { AnyOperation } from './operations/operations.ts';
import type { PipelineStep } from './pipeline-schema.ts';
import { planModel, planOperation, type StepSpecs } from './plan-step.ts';

/** Tensors of a pipeline are numbered: its inputs first, then what the steps give. */
export type Wire = { readonly port: string; readonly tensor: number };

export type PlannedStep = {
  readonly name: string;
  readonly inputs: readonly Wire[];
  readonly outputs: readonly Wire[];
} & (
  | { readonly kind: 'model'; readonly model: string; readonly version: string | undefined }
  | {
      readonly kind: 'operation';
      readonly operationName: OperationName;
      readonly operation: AnyOperation;
      readonly how: unknown;
    }
);

export type PipelinePlan = {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Each behind those whose tensors it takes. */
  readonly steps: readonly PlannedStep[];
  readonly tensors: number;
  /** The tensors that are answered, in the order of the outputs. */
  readonly answered: readonly number[];
};

/** What a model of the repository takes and gives; undefined while it is not ready. */
export type FindSpecs = (model: string, version: string | undefined) => StepSpecs | undefined;

/**
 * Wires the steps and checks that what they give fits what takes it. Throws invalid_model, which
 * names the step and the tensor, or model_not_ready where a model is not there.
 */
export function planPipeline(name: string, file: PipelineFile, find: FindSpecs): PipelinePlan {
  const inputs = file.inputs.map(specOf);
  const numbers = new Map(inputs.map((spec, number) => [spec.name, number]));
  for (const step of file.steps)
    for (const [port, tensor] of Object.entries(step.outputs)) {
      if (numbers.has(tensor))
        throw misfit(name, step, `gives "${tensor}" as "${port}", which an input or another step gives already`);
      numbers.set(tensor, numbers.size);
    }
  const specs: TensorSpec[] = [...inputs];
  const steps: PlannedStep[] = [];
  for (const step of inOrder(name, file, numbers)) {
    const wires = (those: Readonly<Record<string, string>>) =>
      Object.entries(those).map(([port, tensor]) => ({ port, tensor: numbers.get(tensor)! }));
    const common = { name: step.name, inputs: wires(step.inputs), outputs: wires(step.outputs) };
    const given = new Map(Object.entries(step.inputs).map(([port, tensor]) => [port, specs[numbers.get(tensor)!]!]));
    const refuse = (what: string) => misfit(name, step, what);
    let made: ReadonlyMap<string, Pick<TensorSpec, 'datatype' | 'shape' | 'dimensionNames'>>;
    if (step.model !== undefined) {
      const found = find(step.model, step.version);
      if (found === undefined) throw modelMissing(name, step);
      made = planModel(step, found, given, refuse);
      steps.push({ ...common, kind: 'model', model: step.model, version: step.version });
    } else {
      const planned = planOperation(step, given, refuse);
      made = planned.made;
      steps.push({ ...common, kind: 'operation', ...planned.of });
    }
    for (const [port, tensor] of Object.entries(step.outputs))
      specs[numbers.get(tensor)!] = { ...made.get(port)!, name: tensor };
  }
  const answered = file.outputs.map((output) => answeredTensor(name, output, numbers, specs));
  refuseUnused(name, file, answered, numbers);
  return { inputs, outputs: answered.map((tensor) => specs[tensor]!), steps, tensors: numbers.size, answered };
}

function specOf({ name, datatype, shape }: PipelineFile['inputs'][number]): TensorSpec {
  return {
    name,
    datatype,
    shape: shape.map((size) => (typeof size === 'string' ? -1 : size)),
    dimensionNames: shape.map((size) => (typeof size === 'string' ? size : '')),
  };
}

/** Each step behind those that give what it takes. */
function inOrder(name: string, { steps, inputs }: PipelineFile, numbers: ReadonlyMap<string, number>): PipelineStep[] {
  const there = new Set(inputs.map((input) => input.name));
  const ordered: PipelineStep[] = [];
  let waiting = [...steps];
  while (waiting.length > 0) {
    const ready = waiting.filter((step) => Object.values(step.inputs).every((tensor) => there.has(tensor)));
    if (ready.length === 0) throw stuck(name, waiting, there, numbers);
    for (const step of ready) for (const tensor of Object.values(step.outputs)) there.add(tensor);
    ordered.push(...ready);
    waiting = waiting.filter((step) => !ready.includes(step));
  }
  return ordered;
}

function stuck(
  name: string,
  waiting: readonly PipelineStep[],
  there: ReadonlySet<string>,
  numbers: ReadonlyMap<string, number>,
): ServiceError {
  for (const step of waiting)
    for (const [port, tensor] of Object.entries(step.inputs))
      if (!numbers.has(tensor))
        return misfit(name, step, `takes "${tensor}" as "${port}", which no input and no step gives`);
  // Each of them waits for another one of them: following that way leads into the circle.
  const way: PipelineStep[] = [];
  let step = waiting[0]!;
  while (!way.includes(step)) {
    way.push(step);
    const missing = Object.values(step.inputs).find((tensor) => !there.has(tensor));
    step = waiting.find(({ outputs }) => Object.values(outputs).includes(missing!))!;
  }
  const circle = [...way.slice(way.indexOf(step)), step].map((each) => `"${each.name}"`).join(' → ');
  return invalid(name, `its steps wait for each other: ${circle}`, 'wire them without a circle');
}

function answeredTensor(
  name: string,
  output: PipelineFile['outputs'][number],
  numbers: ReadonlyMap<string, number>,
  specs: readonly TensorSpec[],
): number {
  const { name: tensor, ...declared } = typeof output === 'string' ? { name: output } : specOf(output);
  const number = numbers.get(tensor);
  if (number === undefined)
    throw invalid(name, `its output "${tensor}" is a tensor that no step gives`, 'correct outputs');
  if (!('datatype' in declared)) return number;
  const { datatype, shape } = specs[number]!;
  if (datatype !== declared.datatype || !shapesFit(shape, declared.shape))
    throw invalid(
      name,
      `its output "${tensor}" is to be ${declared.datatype} [${declared.shape}], and it is ${datatype} [${shape}]`,
      'correct outputs',
    );
  return number;
}

/** What nobody takes would be worked out in vain. */
function refuseUnused(
  name: string,
  { steps }: PipelineFile,
  answered: readonly number[],
  numbers: ReadonlyMap<string, number>,
): void {
  const used = new Set(steps.flatMap(({ inputs }) => Object.values(inputs)));
  for (const step of steps) {
    const gives = Object.values(step.outputs);
    if (gives.some((tensor) => used.has(tensor) || answered.includes(numbers.get(tensor)!))) continue;
    throw misfit(name, step, 'gives nothing that another step takes or that is answered');
  }
}

function misfit(pipeline: string, step: PipelineStep, what: string): ServiceError {
  return invalid(pipeline, `its step "${step.name}" ${what}`, 'correct steps');
}

function invalid(pipeline: string, what: string, remedy: string): ServiceError {
  return new ServiceError(
    'invalid_model',
    say`Cannot load pipeline ${ours(pipeline)}: ${ours(what)}; ${ours(remedy)} in model.json.`,
  );
}

function modelMissing(pipeline: string, { name, model, version }: PipelineStep): ServiceError {
  const which = version === undefined ? `model ${model}` : `version ${version} of model ${model}`;
  return new ServiceError(
    'model_not_ready',
    say`Cannot load pipeline ${ours(pipeline)}: its step "${ours(name)}" needs ${ours(which)}, which is not ready; the pipeline is ready as soon as that is (POST /v2/repository/models/${ours(model!)}/load).`,
  );
}
