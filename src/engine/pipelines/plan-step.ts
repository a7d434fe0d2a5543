import type { ServiceError } from '../../errors.ts';
import { shapesFit, type TensorSpec } from '../registry/tensor-spec.ts';
import type { Form } from './operations/operation.ts';
import type { OperationName } from './operations/operation-names.ts';
import { type AnyOperation, operations } from './operations/operations.ts';
import type { PipelineStep } from './pipeline-schema.ts';

/** What a model takes and gives. */
export type StepSpecs = {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** An input that may be left out. */
  readonly mask?: { readonly name: string } | undefined;
};

type MadeForm = Pick<TensorSpec, 'datatype' | 'shape' | 'dimensionNames'>;
type Made = ReadonlyMap<string, MadeForm>;
type Refuse = (what: string) => ServiceError;
type Given = ReadonlyMap<string, TensorSpec>;

/** What a model gives for these inputs, by its outputs' names; throws where they do not fit. */
export function planModel(step: PipelineStep, specs: StepSpecs, given: Given, refuse: Refuse): Made {
  const { outputs, mask } = specs;
  const inputs = specs.inputs.filter(({ name }) => name !== mask?.name || name in step.inputs);
  refusePorts(
    {
      kind: 'input',
      of: `model ${step.model}`,
      wired: Object.keys(step.inputs),
      ports: inputs.map(({ name }) => name),
    },
    refuse,
  );
  refusePorts(
    {
      kind: 'output',
      of: `model ${step.model}`,
      wired: Object.keys(step.outputs),
      ports: outputs.map(({ name }) => name),
    },
    refuse,
  );
  const sizes = new Map<string, number>();
  for (const { name, datatype, shape, dimensionNames } of inputs) {
    const from = given.get(name)!;
    if (from.datatype !== datatype || !shapesFit(from.shape, shape))
      throw refuse(
        `takes "${from.name}" as "${name}", but that is ${from.datatype} [${from.shape}] and model ${step.model} takes ${datatype} [${shape}]`,
      );
    for (const [axis, symbol] of dimensionNames.entries()) {
      const size = from.shape[axis]!;
      if (symbol === '' || size < 0) continue;
      const other = sizes.get(symbol) ?? size;
      if (other !== size)
        throw refuse(
          `takes "${from.name}" as "${name}" with the size ${size} in dimension ${axis} (${symbol}), and another input has ${other} there`,
        );
      sizes.set(symbol, size);
    }
  }
  return new Map(
    outputs.map(({ name, datatype, shape, dimensionNames }) => [
      name,
      {
        datatype,
        dimensionNames,
        // A free size that is called as an input's, which is known here, is known too.
        shape: shape.map((size, axis) => (size < 0 ? (sizes.get(dimensionNames[axis] || '') ?? size) : size)),
      },
    ]),
  );
}

type PlannedOperation = {
  readonly of: { readonly operationName: OperationName; readonly operation: AnyOperation; readonly how: unknown };
  readonly made: Made;
};

/** What an operation gives for these inputs, likewise. */
export function planOperation(step: PipelineStep, given: Given, refuse: Refuse): PlannedOperation {
  const operationName = step.operation!;
  const operation = operations[operationName];
  const { inputs, outputs } = operation;
  const of = `the operation ${operationName}`;
  refusePorts({ kind: 'input', of, wired: Object.keys(step.inputs), ports: inputs }, refuse);
  refusePorts({ kind: 'output', of, wired: Object.keys(step.outputs), ports: outputs }, refuse);
  const how = operation.how.safeParse(step.with ?? {});
  if (!how.success) {
    const [issue] = how.error.issues;
    throw refuse(`cannot be done as it says: with.${issue?.path.join('.')}: ${issue?.message}`);
  }
  const forms = operation.plan(
    inputs.map((port) => given.get(port)!),
    how.data,
  );
  if (typeof forms === 'string') {
    const takes = inputs.map((port) => `"${given.get(port)!.name}" as "${port}"`).join(', ');
    throw refuse(`(${operationName}) takes ${takes}, but ${forms}`);
  }
  const made = new Map(outputs.map((port, at) => [port, withoutNames(forms[at]!)]));
  return { of: { operationName, operation, how: how.data }, made };
}

function withoutNames({ datatype, shape }: Form): MadeForm {
  return { datatype, shape, dimensionNames: shape.map(() => '') };
}

/** All inputs are wired; of the outputs, some that exist. */
function refusePorts(
  of: { kind: 'input' | 'output'; of: string; wired: readonly string[]; ports: readonly string[] },
  refuse: Refuse,
): void {
  const { kind, wired, ports } = of;
  const names = ports.map((port) => `"${port}"`).join(', ') || 'none';
  for (const port of wired)
    if (!ports.includes(port))
      throw refuse(`names the ${kind} "${port}", which ${of.of} does not have; it has ${names}`);
  if (kind === 'output') {
    if (wired.length === 0) throw refuse('names no output that is needed');
    return;
  }
  for (const port of ports) if (!wired.includes(port)) throw refuse(`gives ${of.of} no tensor for its input "${port}"`);
}
