import type { CheckedInputs } from '../check-inputs.ts';
import type { InferAnswer } from '../inference.ts';
import { partsDoNotMatch, rowsDoNotMatch } from '../inference-failures.ts';
import { Owned } from '../owned.ts';
import { bytesOfAll, type Tensor } from '../tensor.ts';
import { cutRows } from './cut-rows.ts';
import { joinRows } from './join-rows.ts';

/** A request with more rows than a batch may have, as several that have not. Views, not copies. */
export function splitRows(checked: CheckedInputs, rowsMax: number): CheckedInputs[] {
  const parts: CheckedInputs[] = [];
  for (let from = 0; from < checked.rows; from += rowsMax) {
    const rows = Math.min(rowsMax, checked.rows - from);
    const inputs = checked.inputs.map((tensor) => cutRows(tensor, from, rows));
    parts.push({ inputs, rows, bytes: bytesOfAll(inputs), shapeKey: checked.shapeKey, alone: false });
  }
  return parts;
}

/**
 * The answers to the parts as one. Stages are the longest of each, since the parts ran side by
 * side; the batch is the last part's. Throws inference_failed when the outputs do not fit together.
 */
export function joinAnswers(
  model: string,
  parts: readonly CheckedInputs[],
  answers: readonly InferAnswer[],
): InferAnswer {
  let outputs: Tensor[];
  try {
    checkAgreement(model, parts, answers);
    outputs = joinRows(answers.map((answer) => answer.outputs));
  } finally {
    for (const { owned } of answers) owned?.release();
  }
  const longest = (stage: keyof InferAnswer['stages']) => Math.max(...answers.map(({ stages }) => stages[stage]));
  return {
    outputs,
    stages: {
      enqueuedAt: Math.min(...answers.map(({ stages }) => stages.enqueuedAt)),
      queueMs: longest('queueMs'),
      assembleMs: longest('assembleMs'),
      runMs: longest('runMs'),
      splitMs: longest('splitMs'),
      answeredAt: performance.now(),
    },
    batch: answers.at(-1)!.batch,
    owned: Owned.of(outputs),
  };
}

/**
 * Each part has the same outputs, each with the rows of its part and the same sizes beyond them.
 */
function checkAgreement(model: string, parts: readonly CheckedInputs[], answers: readonly InferAnswer[]): void {
  const expected = answers[0]!.outputs;
  for (const [part, { outputs }] of answers.entries()) {
    const { rows } = parts[part]!;
    for (const [index, { name, datatype, shape }] of expected.entries()) {
      const output = outputs[index];
      if (output?.name !== name || output.datatype !== datatype || !agreesBeyondRows(output.shape, shape))
        throw partsDoNotMatch(model, name, output?.shape ?? [], shape);
      if (output.shape[0] !== rows) throw rowsDoNotMatch(model, rows);
    }
  }
}

function agreesBeyondRows(shape: readonly number[], other: readonly number[]): boolean {
  return shape.length === other.length && shape.every((size, axis) => axis === 0 || size === other[axis]);
}
