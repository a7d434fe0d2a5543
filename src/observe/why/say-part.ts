import type { BatchFacts } from '../../engine/inference.ts';
import type { Cause } from '../../telemetry/names/causes.ts';
import { causes } from '../../telemetry/names/causes.ts';
import type { Blame, Holder } from '../blame/blame-request.ts';
import { wireForm } from '../flight/request-table.ts';
import { spanOf } from './charge-queue.ts';
import type { Evidence, Eyes, PartSays } from './why.ts';
import type { WhyFacts } from './why-facts.ts';
import { count, list, percent, sizeInBytes, time } from './why-words.ts';

type Given = { readonly facts: WhyFacts; readonly blame: Blame | undefined; readonly eyes: Eyes };
type Say = (ms: string, given: Given) => PartSays;

/** What a part was, as a person would say it. */
export function sayPart(cause: Cause, ms: number, given: Given): PartSays {
  return sayings[cause](time(ms), given);
}

const plain =
  (says: (ms: string, given: Given) => string, ...evidence: ((given: Given) => Evidence | undefined)[]): Say =>
  (ms, given) => ({
    says: says(ms, given),
    evidence: evidence.map((of) => of(given)).filter((each) => each !== undefined),
  });

const sayings: Readonly<Record<Cause, Say>> = {
  lane_wait: sayLaneWait,
  thread_wait: plain(
    (ms) => `${ms} waiting for a task thread: all were taken, or one was starting`,
    settingOf('VITRINE_TASK_THREADS'),
  ),
  gather_wait: plain((ms) => `${ms} waiting for more rows, as the manifest asks (delay_us_max)`),
  batch_larger: plain((ms, { facts }) => `${ms} because ${whatWasShared(facts)}`, ownBatch),
  lane_lost: plain(
    (ms, { facts }) =>
      `${ms} because a lane of ${facts.record.model} was lost${facts.record.lost ? ' in the middle of the run, which was repeated' : ', and another had to open'}`,
    lostRun,
  ),
  run_again: plain(
    (ms) => `${ms} in a batch that failed because of another request’s row; it was run again by itself`,
    lostRun,
  ),
  model_run: plain(
    (ms, given) =>
      given.facts.record.steps
        ? `${ms} in the runs of the steps of ${given.facts.record.model}, the longest of them ${longestStep(given, 'runMs')}`
        : `${ms} in the run of ${given.facts.record.model}${ofShape(given)}`,
    ownBatch,
    aloneRun,
  ),
  cold_model: plain((ms, { facts }) => `${ms} more because ${whyCold(facts)}`, loadEvidence),
  gpu_clocks: plain(
    (ms, { facts }) => `${ms} more because the GPU’s clocks were held down${throttleReasons(facts)}`,
    gpuDashboard,
  ),
  cpu_throttled: plain(
    (ms) => `${ms} without a CPU: the cgroup’s quota was used up`,
    figure(({ throttledShare }) => `the cgroup was throttled for ${percent(throttledShare)} of the time`),
  ),
  cpu_taken: plain(
    (ms, { facts }) => `${ms} without a CPU: ${whoTookCpu(facts)}`,
    figure(
      ({ busyShare, stealShare, ownShare }) =>
        `the machine was busy by ${percent(busyShare)}, stolen by ${percent(stealShare)}; the service had ${percent(ownShare)}`,
    ),
  ),
  cpu_shared: plain(
    (ms, given) => `${ms} without a CPU: ${whoShared(given)} of this service had the cores`,
    figure(
      ({ busyShare, ownShare }) =>
        `the machine was busy by ${percent(busyShare)}, ${percent(ownShare)} of it this service`,
    ),
    serviceDashboard,
  ),
  garbage_collection: plain(
    (ms, { facts }) =>
      `${ms} while V8 collected garbage (${count(facts.machine.spansOf('garbage_collection').length, 'pause')})`,
    serviceDashboard,
  ),
  event_loop_held: plain(
    (ms, { facts }) => `${ms} while other work held the event loop (for ${time(longest(facts))} at the longest)`,
    serviceDashboard,
  ),
  decode: plain((ms, { facts }) => `${ms} reading ${whatWasRead(facts)}`),
  encode: plain(
    (ms, { facts }) =>
      `${ms} writing ${facts.record.task ? 'the result' : `the answer as ${isJson(facts) ? 'JSON' : 'binary data'}`}`,
  ),
  task_work: plain((ms, { facts }) => `${ms} of the task’s own work in its thread (${facts.record.task})`),
  disk: plain(
    (ms) => `${ms} at the disk`,
    figure(({ ioShare }) => `tasks of the machine waited for a disk for ${percent(ioShare)} of the time`),
  ),
  client_sending: plain(
    (ms, { facts }) => `${ms} until the client had sent its body (${sizeInBytes(facts.record.size.bodyBytes)})`,
  ),
  client_reading: plain((ms) => `${ms} until the client had read the answer`),
  service: plain((ms) => `${ms} in the service itself`),
  not_known: plain(
    (ms, { facts }) =>
      `${ms} that no record explains${facts.isWhole ? '' : '; some batches of that time are forgotten (VITRINE_FLIGHT_BATCHES_MAX)'}`,
  ),
};

function sayLaneWait(ms: string, given: Given): PartSays {
  const { facts, blame, eyes } = given;
  const { record, ownModel } = facts;
  if (record.steps)
    return {
      says: `${ms} waiting in the steps of ${record.model}, the longest of them ${longestStep(given, 'queueMs')}`,
      evidence: [],
    };
  const lanes = record.threads?.lanes ?? 1;
  const holders = blame?.holders ?? [];
  const batches = new Set(
    ownModel.filter(
      (batch) => holders.some(({ ms: held }) => held > 0) && batch.startedAt < record.startedAt + record.tookMs,
    ),
  ).size;
  const known = holders.slice(0, namedMax).map((holder) => sayHolder(holder, eyes));
  const others = holders.length - known.length;
  const behind =
    known.length === 0
      ? count(batches, 'batch', 'batches')
      : list([...known, ...(others > 0 ? [count(others, 'other')] : [])]);
  return {
    says: `${ms} waiting for ${lanes === 1 ? 'the only lane' : `one of ${lanes} lanes`} of ${record.model}, behind ${behind}`,
    evidence: holders.slice(0, evidenceMax).map((holder) => holderEvidence(holder, eyes)),
  };
}

const namedMax = 3;
const evidenceMax = 10;

/** Of a pipeline: the step that waited, or ran, for longest. */
function longestStep({ facts }: Given, by: 'queueMs' | 'runMs'): string {
  const [first] = facts.record.steps!.toSorted((one, other) => other[by] - one[by]);
  return first === undefined ? 'none' : `${first.name} (${time(first[by])})`;
}

function sayHolder({ by, request, tenant, batches }: Holder, eyes: Eyes): string {
  const isSeen = tenant !== undefined && eyes.sees({ tenant });
  if (!isSeen) return `${count(batches, 'batch', 'batches')} of another tenant`;
  if (by) return `${by.isJob ? 'job' : 'request'} ${by.id} (${by.task}, ${count(batches, 'batch', 'batches')})`;
  if (request) return `request ${request.requestId}`;
  return `${count(batches, 'batch', 'batches')} of ${tenant}`;
}

function holderEvidence(holder: Holder, eyes: Eyes): Evidence {
  const { by, request, tenant, ms, batches } = holder;
  const isSeen = tenant !== undefined && eyes.sees({ tenant });
  const id = by?.isJob ? undefined : (by?.id ?? request?.requestId);
  return {
    says: `${time(ms)}: ${sayHolder(holder, eyes)}${isSeen && request ? `, ${count(request.size.rows, 'row')}` : ''}${isSeen ? `, tenant ${tenant}` : ''}, ${count(batches, 'batch', 'batches')}`,
    link: isSeen && id !== undefined ? `/v1/requests/${id}` : isSeen && by ? `/v1/jobs/${by.id}` : undefined,
  };
}

function whatWasShared({ record, ownModel }: WhyFacts): string {
  const { batch, size } = record;
  if (batch && batch.rows > size.rows)
    return `its batch had ${count(batch.rows, 'row')} of ${count(batch.inputs, 'request')}, ${size.rows} of them its own${padded(batch)}`;
  const together = ownModel.filter(
    ({ startedAt, lane }) => startedAt === batch?.startedAt && lane === batch.lane,
  ).length;
  return `${count(together, 'other request')} ran in the same message`;
}

function padded({ paddingShare, paddingBytes }: BatchFacts): string {
  if (paddingBytes === 0) return '';
  return `, padded to the length of the longest: ${percent(paddingShare)} of it was padding`;
}

function ofShape({ facts }: Given): string {
  const { rows, bytes } = facts.record.size;
  if (rows === 0 && bytes === 0) return '';
  return ` for ${count(rows, 'row')} of ${sizeInBytes(bytes)}`;
}

function whyCold({ isFirst, loaded, loads, record }: WhyFacts): string {
  const lanes = record.threads?.lanes ?? 1;
  if (loaded && record.batch && record.batch.id <= lanes)
    return `it was one of the first runs after the load of ${record.model}`;
  if (isFirst) return 'it was the first of its kind: ONNX Runtime made its memory';
  return `${list(loads.map(({ model }) => model))} was being loaded`;
}

function loadEvidence({ facts, eyes }: Given): Evidence | undefined {
  const load = facts.loads[0] ?? facts.loaded;
  if (!load) return undefined;
  const name = eyes.mayName(load.model) ? `${load.model} ${load.version}` : 'a model';
  return {
    says: `${name} was loaded in ${time(load.endedAt - load.startedAt)}, ${time(Math.max(0, facts.record.startedAt - load.endedAt))} before`,
    link: '/#/models',
  };
}

function whatWasRead(facts: WhyFacts): string {
  const { size, task } = facts.record;
  if (task) return 'the sound';
  const aside = (size.form & wireForm.decodedAside) !== 0 ? ', in the thread for large bodies' : '';
  return `${sizeInBytes(size.bodyBytes)} of ${isJson(facts) ? 'JSON' : 'binary data'}${aside}`;
}

function isJson({ record }: WhyFacts): boolean {
  return (record.size.form & wireForm.json) !== 0;
}

function whoTookCpu({ machine, record }: WhyFacts): string {
  const { busyShare, stealShare } = machine.figures({ from: record.startedAt, to: record.startedAt + record.tookMs });
  if (stealShare >= 0.1) return 'the hypervisor gave it to others';
  if (busyShare >= 0.7) return 'other processes had it';
  return 'the process or its lane was stopped while the machine was not busy';
}

function whoShared({ facts, eyes }: Given): string {
  const ms = new Map<string, number>();
  const { from, to } = { from: facts.record.startedAt, to: facts.record.startedAt + facts.record.tookMs };
  for (const batch of [...facts.others, ...facts.ownModel]) {
    const name = eyes.mayName(batch.model) ? batch.model : 'another model';
    const span = spanOf(batch);
    ms.set(name, (ms.get(name) ?? 0) + Math.min(span.to, to) - Math.max(span.from, from));
  }
  const most = [...ms].sort((one, other) => other[1] - one[1]).slice(0, namedMax);
  return most.length === 0 ? 'other work' : list(most.map(([name]) => name));
}

function throttleReasons({ machine, record }: WhyFacts): string {
  const found = machine.throttledGpu(
    { from: record.startedAt, to: record.startedAt + record.tookMs },
    record.batch?.gpu?.hwId,
  );
  return found && found.reasons.length > 0 ? ` (${found.reasons.join(', ')})` : '';
}

function longest({ machine }: WhyFacts): number {
  return Math.max(0, ...machine.spansOf('event_loop_held').map(({ from, to }) => to - from));
}

function ownBatch({ facts }: Given): Evidence | undefined {
  const { batch } = facts.record;
  if (!batch) return undefined;
  return {
    says: `its batch: ${count(batch.rows, 'row')} of ${count(batch.inputs, 'request')} on ${batch.lane}, ${time(batch.sessionMs)} in ONNX Runtime, ${time(batch.cpuMs)} of CPU`,
    link: `/v1/requests/${facts.record.requestId}`,
  };
}

function aloneRun({ facts }: Given): Evidence | undefined {
  const { alone, kindRuns } = facts;
  if (!alone)
    return {
      says: `only ${count(kindRuns, 'run')} of its kind found an idle lane, too few to compare with`,
      link: undefined,
    };
  return {
    says: `alone: ${time(alone.sessionMs)} in ONNX Runtime (the quickest of ${count(alone.runs, 'run')} of its kind)`,
    link: undefined,
  };
}

function lostRun({ facts }: Given): Evidence | undefined {
  const { lost } = facts.record;
  if (!lost) return undefined;
  return {
    says: `${count(lost.runs, 'run')} without an answer, the last after ${time(lost.last.to - lost.last.from)}`,
    link: undefined,
  };
}

function settingOf(name: string): () => Evidence {
  return () => ({ says: `${name} is how many there are`, link: undefined });
}

function figure(says: (figures: ReturnType<WhyFacts['machine']['figures']>) => string) {
  return ({ facts }: Given): Evidence => {
    const { startedAt, tookMs } = facts.record;
    return {
      says: says(facts.machine.figures({ from: startedAt, to: startedAt + tookMs })),
      link: dashboard('vitrine-gpu-host', facts),
    };
  };
}

function serviceDashboard({ facts }: Given): Evidence {
  return { says: 'the event loop and its collections at the time', link: dashboard('vitrine-service', facts) };
}

function gpuDashboard({ facts }: Given): Evidence {
  return { says: 'the clocks at the time', link: dashboard('vitrine-gpu-host', facts) };
}

/** Two minutes around the request. */
function dashboard(uid: string, { record }: WhyFacts): string {
  const at = performance.timeOrigin + record.startedAt;
  return `/#/dashboards/${uid}?from=${Math.round(at - 120_000)}&to=${Math.round(at + record.tookMs + 120_000)}`;
}

export function labelOf(cause: Cause): string {
  return causes[cause].label;
}
