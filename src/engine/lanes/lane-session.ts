import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import ort from 'onnxruntime-node';
import { biggestDifference } from '../compare-tensors.ts';
import type { ProviderName } from '../registry/manifest-schema.ts';
import { type DataType, dataTypes, type Tensor } from '../tensor.ts';
import type { SessionReport, SessionRequest } from './lane-messages.ts';
import { type OperatorProfile, readProfile } from './operator-profile.ts';
import { provePadding } from './prove-padding.ts';
import { proveRows, type RowProof } from './prove-rows.ts';
import { whyNotLoaded } from './why-not-loaded.ts';

// The only place that knows ONNX Runtime. The lane's parent sets ORT_DISABLE_TELEMETRY:
// it must be there before the library is loaded, and a thread cannot set it for native code.

const datatypeOf = new Map<string, DataType>(
  (Object.keys(dataTypes) as DataType[]).map((datatype) => [dataTypes[datatype].onnxName, datatype]),
);

useNoHalfArrays();

// ONNX Runtime writes to stderr. The service reads a process's stderr and logs its lines. A thread
// shares the service's stderr; its failures are thrown as well.
let leastSevere: 2 | 4 = 4;
ort.env.logLevel = 'fatal';

/** For a lane whose stderr is read. */
export function logWarnings(): void {
  leastSevere = 2;
  ort.env.logLevel = 'warning';
}

/** One model, open, on the first provider that could be had and that agrees with the CPU. */
export class LaneSession {
  readonly report: SessionReport;
  readonly #session: InferenceSession;

  private constructor(session: InferenceSession, report: SessionReport) {
    this.#session = session;
    this.report = report;
  }

  static async open(request: SessionRequest): Promise<LaneSession> {
    const startedAt = performance.now();
    const { session, provider, refused } = await openOnFirstGood(request);
    const { warmUpFailure, probeMs } = await warmUp(session, request);
    const loadMs = performance.now() - startedAt;
    const rowProof = await proofOfRows(session, provider, request);
    return new LaneSession(session, { provider, refused, rowProof, warmUpFailure, probeMs, loadMs });
  }

  async run(
    inputs: readonly Tensor[],
    outputs: readonly string[] | undefined,
  ): Promise<{ outputs: Tensor[]; sessionMs: number }> {
    const startedAt = performance.now();
    const answer = await run(this.#session, inputs, outputs);
    return { outputs: answer, sessionMs: performance.now() - startedAt };
  }

  async close(): Promise<void> {
    await this.#session.release();
  }
}

/**
 * Runs the inputs twice in a session with the profiler on and answers the second run: the first
 * also makes its memory.
 */
export async function profileRun(
  request: SessionRequest,
  inputs: readonly Tensor[],
  outputs: readonly string[] | undefined,
  folder: string,
): Promise<OperatorProfile> {
  const options = { enableProfiling: true, profileFilePrefix: join(folder, 'run') };
  const session = await create(request, request.providers[0] ?? 'cpu', options);
  try {
    for (let time = 0; time < 2; time += 1) await run(session, inputs, outputs);
    session.endProfiling();
  } finally {
    await session.release();
  }
  // It chooses the rest of the name itself and does not say it.
  const [file] = await readdir(folder);
  if (file === undefined) throw new Error('ONNX Runtime has written no profile');
  const { size } = await stat(join(folder, file));
  if (size > profileBytesMax) throw new Error(`the profile has ${size} bytes, more than ${profileBytesMax}`);
  return readProfile(await readFile(join(folder, file), 'utf8'));
}

const profileBytesMax = 256 * 2 ** 20;

/**
 * A missing provider is an error in ONNX Runtime, and a wrong one says nothing: both are found out
 * here.
 */
async function openOnFirstGood(request: SessionRequest) {
  const refused: { provider: ProviderName; reason: string }[] = [];
  for (const provider of request.providers) {
    if (provider === 'cpu') break;
    const session = await create(request, provider).catch((error: Error) => {
      const why = /Failed to load shared library/.test(error.message) ? whyNotLoaded(provider) : undefined;
      refused.push({ provider, reason: `it cannot be had: ${error.message}${why === undefined ? '' : ` (${why})`}` });
    });
    if (!session) continue;
    const reason = await disagreementWithCpu(session, request);
    if (reason === undefined) return { session, provider, refused };
    refused.push({ provider, reason });
    await session.release();
  }
  return { session: await create(request, 'cpu'), provider: 'cpu' as const, refused };
}

function create(
  request: SessionRequest,
  provider: ProviderName,
  profiling: Pick<InferenceSession.SessionOptions, 'enableProfiling' | 'profileFilePrefix'> = {},
): Promise<InferenceSession> {
  return ort.InferenceSession.create(request.file, {
    executionProviders: [provider],
    intraOpNumThreads: request.intraOpThreads,
    interOpNumThreads: request.interOpThreads,
    executionMode: request.interOpThreads > 1 ? 'parallel' : 'sequential',
    graphOptimizationLevel: request.optimization,
    enableCpuMemArena: request.arena,
    enableMemPattern: request.memoryPattern,
    logSeverityLevel: leastSevere,
    ...profiling,
    // Threads that spin while they wait take the cores from the event loop (1.6 s of CPU instead of
    // 0.13 s in a trial).
    extra: { 'session.intra_op.allow_spinning': '0', 'session.inter_op.allow_spinning': '0', ...request.extra },
  });
}

async function disagreementWithCpu(session: InferenceSession, request: SessionRequest): Promise<string | undefined> {
  const reference = await create(request, 'cpu');
  try {
    const expected = await run(reference, request.probe, undefined);
    const found = await run(session, request.probe, undefined);
    const difference = biggestDifference(expected, found, request.tolerance);
    return difference && `its answer to the probe differs from the CPU’s: ${difference}`;
  } catch (error) {
    return `it could not be compared with the CPU: ${(error as Error).message}`;
  } finally {
    await reference.release();
  }
}

/** A half float has three digits, and so may a provider other than the CPU. */
async function proofOfRows(
  session: InferenceSession,
  provider: ProviderName,
  { rowTrial, tolerance }: SessionRequest,
): Promise<RowProof | undefined> {
  if (!rowTrial || rowTrial.known?.provider === provider) return rowTrial?.known;
  const isExact = provider === 'cpu' && !session.outputMetadata.some((one) => one.isTensor && one.type === 'float16');
  const relative = isExact ? 1e-3 : tolerance.relative;
  const runAll = (inputs: readonly Tensor[]) => run(session, inputs, undefined);
  const { padding } = rowTrial;
  if (padding) return provePadding(runAll, { ...rowTrial, padding }, provider, relative);
  return proveRows(runAll, rowTrial, provider, relative);
}

async function warmUp(session: InferenceSession, { probe, warmUpRuns }: SessionRequest) {
  let probeMs: number | undefined;
  try {
    // The first makes its memory: a model that is quick is asked again how quick.
    const isQuick = () => probeMs !== undefined && probeMs < quickMs;
    for (let count = 0; count < warmUpRuns || (isQuick() && count < quickRuns); count += 1) {
      const startedAt = performance.now();
      await run(session, probe, undefined);
      probeMs = Math.min(probeMs ?? Number.POSITIVE_INFINITY, performance.now() - startedAt);
    }
    return { warmUpFailure: undefined, probeMs };
  } catch (error) {
    return { warmUpFailure: (error as Error).message, probeMs: undefined };
  }
}

const quickMs = 20;
const quickRuns = 4;

async function run(
  session: InferenceSession,
  inputs: readonly Tensor[],
  outputs: readonly string[] | undefined,
): Promise<Tensor[]> {
  const feeds: Record<string, ort.Tensor> = {};
  for (const { name, datatype, shape, data } of inputs) {
    feeds[name] = new ort.Tensor(dataTypes[datatype].onnxName as 'float32', data as Float32Array, shape as number[]);
  }
  const answer = outputs ? await session.run(feeds, outputs as string[]) : await session.run(feeds);
  return (outputs ?? session.outputNames).map((name) => fromOnnx(name, answer[name]));
}

/**
 * Node-API does not know Float16Array (Node 24): ONNX Runtime's native code would see an empty
 * array. Where there is none when the library makes its first tensor, it uses Uint16Array from then
 * on.
 */
function useNoHalfArrays(): void {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  Reflect.deleteProperty(globalThis, 'Float16Array');
  new ort.Tensor('uint8', [0]);
  if (own) Object.defineProperty(globalThis, 'Float16Array', own);
}

function fromOnnx(name: string, tensor: ort.Tensor | undefined): Tensor {
  const datatype = tensor && datatypeOf.get(tensor.type);
  if (!tensor || !datatype) throw new Error(`the output ${name} is no tensor that can be carried (${tensor?.type})`);
  return { name, datatype, shape: tensor.dims, data: tensor.data as Tensor['data'] };
}
