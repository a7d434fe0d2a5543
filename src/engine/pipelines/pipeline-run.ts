import { performance } from 'node:perf_hooks';
import { ServiceError } from '../../errors.ts';
import { ours, Sentence, say } from '../../sentence.ts';
import type { Asker, InferAnswer, InferRequest, StepFacts } from '../inference.ts';
import { callerGone, tooLate } from '../inference-failures.ts';
import { Owned, ownedOf } from '../owned.ts';
import { bytesOfAll, type Tensor } from '../tensor.ts';
import { HeldTensors } from './held-tensors.ts';
import type { Made } from './operations/operation.ts';
import type { PipelinePlan, PlannedStep } from './pipeline-plan.ts';
import { failureOf, StepRecord } from './step-record.ts';
import type { StepThread } from './step-thread.ts';
import { stagesOfSteps } from './step-times.ts';

/** Shorter operations are done on the event loop. */
const loopNsMax = 200_000;

/** What does a step: a model, or another pipeline. */
export type StepModel = {
  readonly name: string;
  readonly version: string;
  submit(request: InferRequest, asker: Asker): void;
};

export type RunParts = {
  readonly name: string;
  readonly plan: PipelinePlan;
  readonly find: (model: string, version: string | undefined) => StepModel;
  readonly thread: StepThread;
  /** Of the tensors between the steps, together. */
  readonly bytesMax: number;
};

/**
 * One request on its way through the steps. Each step is a request of its own to its model, with
 * the deadline of the whole; when one fails, or the caller leaves, the others are cancelled and
 * later ones do not begin. Tensors between the steps are released when the last step has taken them.
 */
export class PipelineRun {
  readonly request: InferRequest;
  readonly #parts: RunParts;
  readonly #inputs: readonly Tensor[];
  readonly #done: (run: PipelineRun, end: RunEnd) => void;
  readonly #beganAt = performance.now();
  readonly #tensors: HeldTensors;
  readonly #needed: ReadonlySet<PlannedStep>;
  readonly #answered: readonly number[];
  readonly #records: StepRecord[] = [];
  readonly #begun = new Set<PlannedStep>();
  #operationsAside = 0;
  #over = false;

  constructor(
    parts: RunParts,
    request: InferRequest,
    inputs: readonly Tensor[],
    done: (run: PipelineRun, end: RunEnd) => void,
  ) {
    this.#parts = parts;
    this.request = request;
    this.#inputs = inputs;
    this.#done = done;
    const { outputs, answered } = parts.plan;
    const wanted = request.outputs;
    this.#answered = wanted?.length
      ? wanted.map((name) => answered[outputs.findIndex((one) => one.name === name)]!)
      : answered;
    this.#needed = stepsFor(parts.plan, this.#answered);
    this.#tensors = new HeldTensors(parts.bytesMax, this.#needed, this.#answered);
  }

  /** For the steps: nobody waits for them any more. */
  get aborted(): boolean {
    return this.#over || this.request.signal.aborted;
  }

  get beganAt(): number {
    return this.#beganAt;
  }

  begin(): void {
    const numbers = this.#parts.plan.inputs.map((_, number) => number);
    this.#tensors.place(numbers, this.#inputs, ownedOf(this.request.inputs));
    this.#startReady();
  }

  /** While models work for it, they see that its time is over; operations in their thread do not. */
  get isAside(): boolean {
    return this.#operationsAside > 0;
  }

  /** Ends it when its deadline has passed or its caller has left. */
  dropIfOverdue(now: number): boolean {
    if (this.#over) return true;
    const { request } = this;
    if (request.deadlineAt <= now) this.#fail(tooLate(this.#parts.name, now - this.#beganAt), 'expired');
    else if (request.signal.aborted) this.#fail(callerGone(this.#parts.name), 'gone');
    return this.#over;
  }

  /** Each step once, as soon as all that it takes is there; one may end while others are begun. */
  #startReady(): void {
    for (const step of this.#needed)
      if (!this.#begun.has(step) && step.inputs.every(({ tensor }) => this.#tensors.has(tensor))) this.#start(step);
  }

  #start(step: PlannedStep): void {
    this.#begun.add(step);
    if (this.#over || this.dropIfOverdue(performance.now())) return;
    const record = new StepRecord(step, performance.now());
    this.#records.push(record);
    try {
      if (step.kind === 'model') this.#submit(step, record);
      else this.#operate(step, record);
    } catch (error) {
      this.#stepFailed(record, error as Error);
    }
  }

  #submit(step: PlannedStep & { kind: 'model' }, record: StepRecord): void {
    const model = this.#parts.find(step.model, step.version);
    record.by = { model: model.name, version: model.version };
    const { priority, deadlineAt, tenant, by, boundsItself, mustRun } = this.request;
    const { tensors, held, isWhole } = this.#tensors.take(inputsOf(step));
    const request = {
      // What may change hands goes to the step, else it is lent until the step has ended.
      inputs: isWhole ? Owned.together(tensors, held) : tensors,
      outputs: step.outputs.map(({ port }) => port),
      priority,
      deadlineAt,
      signal: this,
      tenant,
      follower: record,
      by,
      ...(boundsItself && { boundsItself }),
      ...(mustRun && { mustRun }),
    };
    model.submit(request, {
      answered: (answer) => this.#stepAnswered(step, record, answer, held),
      failed: (error) => this.#stepFailed(record, error),
    });
  }

  #stepAnswered(step: PlannedStep, record: StepRecord, answer: InferAnswer, held: readonly Owned[]): void {
    const { outputs, stages, owned } = answer;
    record.answered(stages, bytesOfAll(outputs));
    for (const each of held) each.release();
    if (this.#over) {
      owned?.release();
      return;
    }
    try {
      this.#stepEnded(step, record, outputs, owned);
    } catch (error) {
      this.#stepFailed(record, error as Error);
    }
  }

  #operate(step: PlannedStep & { kind: 'operation' }, record: StepRecord): void {
    const { operation, how } = step;
    const { tensors, held } = this.#tensors.take(inputsOf(step));
    const inputs = operation.inputs.map((port) => tensors.find(({ name }) => name === port)!);
    const bytes = operation.bytes(inputs, how);
    if (typeof bytes === 'string') throw notTaken(bytes);
    this.#tensors.mustFit(step, bytes);
    const ended = (made: readonly Made[], beganAt: number) => this.#operated(step, record, held, made, beganAt);
    const bytesMax = this.#tensors.bytesFree;
    if (operation.cost(inputs, how) <= loopNsMax) {
      const beganAt = performance.now();
      ended(operation.run(inputs, how, bytesMax) as readonly Made[], beganAt);
      return;
    }
    this.#operationsAside += 1;
    this.#parts.thread.run(
      { operation: step.operationName, inputs, how, bytesMax },
      {
        signal: this,
        began: () => record.ranSince(performance.now()),
        ended: (made, beganAt) => {
          this.#operationsAside -= 1;
          ended(made, beganAt);
        },
        failed: (error) => {
          this.#operationsAside -= 1;
          this.#stepFailed(record, error);
        },
      },
    );
  }

  #operated(
    step: PlannedStep & { kind: 'operation' },
    record: StepRecord,
    held: readonly Owned[],
    made: readonly Made[],
    beganAt: number,
  ): void {
    for (const each of held) each.release();
    const answeredAt = performance.now();
    const outputs = step.operation.outputs.map((name, at) => ({ name, ...made[at]! }));
    const runMs = answeredAt - beganAt;
    const queueMs = Math.max(0, beganAt - record.startedAt);
    const stages = { enqueuedAt: record.startedAt, queueMs, assembleMs: 0, runMs, splitMs: 0, answeredAt };
    record.answered(stages, bytesOfAll(outputs));
    if (this.#over) return;
    try {
      this.#stepEnded(step, record, outputs, Owned.of(outputs));
    } catch (error) {
      this.#stepFailed(record, error as Error);
    }
  }

  #stepEnded(step: PlannedStep, record: StepRecord, outputs: readonly Tensor[], owned: Owned | undefined): void {
    this.#tensors.count(step, record.outputBytes);
    const made = step.outputs.map(({ port }) => outputs.find(({ name }) => name === port)!);
    const numbers = step.outputs.map(({ tensor }) => tensor);
    this.#tensors.place(numbers, made, owned);
    if (this.#answered.every((number) => this.#tensors.has(number))) {
      this.#answer();
      return;
    }
    this.#startReady();
  }

  #answer(): void {
    const wanted = this.#answered.map((tensor) => ({ name: this.#nameOf(tensor), tensor }));
    const { tensors: outputs, held, isWhole } = this.#tensors.take(wanted);
    const answeredAt = performance.now();
    this.#end(answeredAt, 'cancelled');
    const stages = stagesOfSteps(this.#records, this.#beganAt, answeredAt);
    // What is not whole is left to the collector: a part may be somebody else's.
    const owned = isWhole ? Owned.together(outputs, held) : undefined;
    this.#done(this, { kind: 'answered', answer: { outputs, stages, batch: undefined, owned } });
  }

  #nameOf(number: number): string {
    const { answered, outputs } = this.#parts.plan;
    return outputs[answered.indexOf(number)]!.name;
  }

  #stepFailed(record: StepRecord, error: Error): void {
    record.ended(performance.now(), failureOf(error));
    record.failure ??= failureOf(error);
    if (this.#over) return;
    this.#fail(ofStep(this.#parts.name, record.name, error), undefined);
  }

  #fail(error: Error, why: 'gone' | 'expired' | undefined): void {
    this.#end(performance.now(), why === undefined ? 'cancelled' : failureOf(error));
    this.#done(this, { kind: 'failed', error, why });
  }

  #end(now: number, failure: StepFacts['failure']): void {
    this.#over = true;
    for (const record of this.#records) record.ended(now, failure);
    this.#tensors.clear();
    this.request.follower?.stepsEnded?.(this.#records);
  }
}

export type RunEnd =
  | { readonly kind: 'answered'; readonly answer: InferAnswer }
  | { readonly kind: 'failed'; readonly error: Error; readonly why: 'gone' | 'expired' | undefined };

/** The steps that these tensors need. */
function stepsFor({ steps }: PipelinePlan, answered: readonly number[]): ReadonlySet<PlannedStep> {
  const wanted = new Set(answered);
  const needed: PlannedStep[] = [];
  for (const step of steps.toReversed()) {
    if (!step.outputs.some(({ tensor }) => wanted.has(tensor))) continue;
    needed.unshift(step);
    for (const { tensor } of step.inputs) wanted.add(tensor);
  }
  return new Set(needed);
}

/** What a step takes, under the names of its inputs. */
function inputsOf({ inputs }: PlannedStep): { name: string; tensor: number }[] {
  return inputs.map(({ port, tensor }) => ({ name: port, tensor }));
}

/** The failure of a step, as that of the whole. */
function ofStep(pipeline: string, step: string, error: Error): Error {
  if (!(error instanceof ServiceError)) return error;
  const { code, message, recorded, retryAfterMs } = error;
  return new ServiceError(
    // The caller asked for a pipeline that is there.
    code === 'model_not_found' ? 'model_not_ready' : code,
    say`Cannot run pipeline ${ours(pipeline)}: its step "${ours(step)}" failed: ${new Sentence(message, recorded)}`,
    { cause: error, ...(retryAfterMs !== undefined && { retryAfterMs }) },
  );
}

function notTaken(why: string): ServiceError {
  return new ServiceError('invalid_input', say`Cannot take its tensors: ${ours(why)}; send other ones.`);
}
