import { performance } from 'node:perf_hooks';
import { ServiceError } from '../../errors.ts';
import { ours, Sentence, say } from '../../sentence.ts';
import type { Asker, InferAnswer, InferRequest, StepFacts } from '../inference.ts';
import { callerGone, tooLate } from '../inference-failures.ts';
import { Owned, ownedOf } from '../owned.ts';
import { bytesOfAll, type Tensor } from '../tensor.ts';
import type { Made } from './operations/operation.ts';
import type { PipelinePlan, PlannedStep } from './pipeline-plan.ts';
import { failureOf, StepRecord } from './step-record.ts';
import type { StepThread } from './step-thread.ts';
import { stagesOfSteps } from './step-times.ts';

/** Shorter operations are done on the event loop. */
const loopNsMax = 200_000;

/** Where tensors come from, and how many still have to take some of them. */
type Source = { readonly owned: Owned | undefined; takers: number };

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
  readonly #values: (Tensor | undefined)[] = [];
  readonly #sources: (Source | undefined)[] = [];
  readonly #needed: ReadonlySet<PlannedStep>;
  readonly #answered: readonly number[];
  readonly #records: StepRecord[] = [];
  readonly #begun = new Set<PlannedStep>();
  #bytes = 0;
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
    this.#place(numbers, this.#inputs, ownedOf(this.request.inputs));
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
      if (!this.#begun.has(step) && step.inputs.every(({ tensor }) => this.#values[tensor] !== undefined))
        this.#start(step);
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
    const { tensors, held, isWhole } = this.#take(step);
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
    const { tensors, held } = this.#take(step);
    const inputs = operation.inputs.map((port) => tensors.find(({ name }) => name === port)!);
    const bytes = operation.bytes(inputs, how);
    if (typeof bytes === 'string') throw notTaken(bytes);
    this.#mustHold(step, bytes);
    const ended = (made: readonly Made[], beganAt: number) => this.#operated(step, record, held, made, beganAt);
    const bytesMax = this.#parts.bytesMax - this.#bytes;
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
    this.#mustHold(step, record.outputBytes);
    this.#bytes += record.outputBytes;
    const made = step.outputs.map(({ port }) => outputs.find(({ name }) => name === port)!);
    const numbers = step.outputs.map(({ tensor }) => tensor);
    this.#place(numbers, made, owned);
    if (this.#answered.every((number) => this.#values[number] !== undefined)) {
      this.#answer();
      return;
    }
    this.#startReady();
  }

  /** Tensors are there, for as many steps as take some of them. */
  #place(numbers: readonly number[], tensors: readonly Tensor[], owned: Owned | undefined): void {
    let takers = this.#answered.some((number) => numbers.includes(number)) ? 1 : 0;
    for (const { inputs } of this.#needed) if (inputs.some(({ tensor }) => numbers.includes(tensor))) takers += 1;
    const source = { owned, takers };
    for (const [at, number] of numbers.entries()) {
      this.#values[number] = tensors[at]!;
      this.#sources[number] = source;
    }
    if (takers === 0) owned?.release();
  }

  /** What a step takes, under the names of its inputs; `held`: to be released when it has ended. */
  #take(step: PlannedStep): { tensors: readonly Tensor[]; held: readonly Owned[]; isWhole: boolean } {
    const tensors = step.inputs.map(({ port, tensor }) => {
      const { datatype, shape, data } = this.#values[tensor]!;
      return { name: port, datatype, shape, data };
    });
    const { shares, isWhole } = this.#share(step.inputs.map(({ tensor }) => tensor));
    return { tensors, held: shares, isWhole };
  }

  /** One more holder of the memory of these tensors; `isWhole`: of all of them. */
  #share(numbers: readonly number[]): { shares: readonly Owned[]; isWhole: boolean } {
    const sources = [...new Set(numbers.map((number) => this.#sources[number]!))];
    const shares = sources.flatMap(({ owned }) => owned?.share([]) ?? []);
    for (const source of sources) {
      source.takers -= 1;
      if (source.takers === 0) source.owned?.release();
    }
    return { shares, isWhole: shares.length === sources.length };
  }

  #mustHold({ name }: PlannedStep, bytes: number): void {
    const { bytesMax } = this.#parts;
    if (this.#bytes + bytes <= bytesMax) return;
    throw new ServiceError(
      'invalid_input',
      say`Cannot hold what the step "${ours(name)}" gives: the tensors between the steps would take ${this.#bytes + bytes} bytes, and at most ${bytesMax} are held; send less at once, or raise VITRINE_OUTPUT_BYTES_MAX.`,
    );
  }

  #answer(): void {
    const outputs = this.#answered.map((number) => {
      const { datatype, shape, data } = this.#values[number]!;
      return { name: this.#nameOf(number), datatype, shape, data };
    });
    const { shares, isWhole } = this.#share(this.#answered);
    const answeredAt = performance.now();
    this.#end(answeredAt, 'cancelled');
    const stages = stagesOfSteps(this.#records, this.#beganAt, answeredAt);
    // What is not whole is left to the collector: a part may be somebody else's.
    const owned = isWhole ? Owned.together(outputs, shares) : undefined;
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
    this.#values.length = 0;
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
