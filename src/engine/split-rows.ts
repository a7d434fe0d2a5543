import type { CheckedInputs } from './check-inputs.ts';
import { freeTensors } from './free-tensors.ts';
import type { InferAnswer } from './inference.ts';
import { joinRows } from './join-rows.ts';
import { isStrings, type Tensor } from './tensor.ts';

/** A request with more rows than a batch may have, as several that have not. Views, not copies. */
export function splitRows(checked: CheckedInputs, rowsMax: number): CheckedInputs[] {
  const parts: CheckedInputs[] = [];
  for (let from = 0; from < checked.rows; from += rowsMax) {
    const rows = Math.min(rowsMax, checked.rows - from);
    const inputs = checked.inputs.map((tensor) => rowsFrom(tensor, from, rows));
    parts.push({ inputs, rows, bytes: (checked.bytes * rows) / checked.rows, shapeKey: checked.shapeKey });
  }
  return parts;
}

/** The parts' answers as one; of the stages the longest of each, since the parts ran side by side, and the last part's batch. */
export function joinAnswers(answers: readonly InferAnswer[]): InferAnswer {
  const longest = (stage: keyof InferAnswer['stages']) => Math.max(...answers.map(({ stages }) => stages[stage]));
  const outputs = joinRows(answers.map((answer) => answer.outputs));
  for (const { letGo } of answers) letGo?.();
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
    letGo: () => freeTensors(outputs),
  };
}

function rowsFrom({ name, datatype, shape, data }: Tensor, from: number, rows: number): Tensor {
  const rowLength = data.length / (shape[0] ?? 1);
  const [start, end] = [from * rowLength, (from + rows) * rowLength];
  const part = isStrings(data) ? data.slice(start, end) : data.subarray(start, end);
  return { name, datatype, shape: [rows, ...shape.slice(1)], data: part };
}
