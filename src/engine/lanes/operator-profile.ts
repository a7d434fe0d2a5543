/** One run, operator by operator, as ONNX Runtime's own profiler has it. */
export type OperatorProfile = {
  readonly runMs: number;
  /** In the order they ran; the longest ones where there are more than the limit. */
  readonly operators: readonly OperatorRun[];
  /** How many there were. */
  readonly operatorCount: number;
};

export type OperatorRun = {
  readonly node: string;
  readonly type: string;
  readonly provider: string;
  /** Since the run began. */
  readonly startMs: number;
  readonly tookMs: number;
  /** As in `float[1,64] float[256]`. */
  readonly inputs: string;
  readonly outputs: string;
  readonly outputBytes: number;
  readonly parameterBytes: number;
  readonly activationBytes: number;
  /** Of the session's memory, when the operator had run. */
  readonly memoryInUseBytes: number | undefined;
};

/**
 * A loop may run its nodes a million times: more than so many are no longer looked at by a person.
 */
const operatorsMax = 200;

type ProfileEvent = { cat: string; name: string; ts: number; dur: number; args?: Record<string, unknown> };

/** Reads the last run out of a profile's file. */
export function readProfile(text: string): OperatorProfile {
  const events = JSON.parse(text) as ProfileEvent[];
  const run = events.findLast(({ cat, name }) => cat === 'Session' && name === 'model_run');
  if (!run) throw new Error('the profile has no run in it');
  const ran = events.filter(
    ({ cat, name, ts }) => cat === 'Node' && name.endsWith('_kernel_time') && ts >= run.ts && ts <= run.ts + run.dur,
  );
  const longest = ran.length <= operatorsMax ? ran : [...ran].sort((one, other) => other.dur - one.dur);
  const listed = longest.slice(0, operatorsMax).sort((one, other) => one.ts - other.ts);
  return {
    runMs: run.dur / 1000,
    operators: listed.map((event) => operatorOf(event, run.ts)),
    operatorCount: ran.length,
  };
}

function operatorOf({ name, ts, dur, args = {} }: ProfileEvent, runTs: number): OperatorRun {
  const bytes = (key: string) => Number(args[key] ?? 0);
  return {
    node: name.slice(0, -'_kernel_time'.length).slice(0, 200),
    type: String(args.op_name ?? ''),
    provider: String(args.provider ?? ''),
    startMs: (ts - runTs) / 1000,
    tookMs: dur / 1000,
    inputs: shapes(args.input_type_shape),
    outputs: shapes(args.output_type_shape),
    outputBytes: bytes('output_size'),
    parameterBytes: bytes('parameter_size'),
    activationBytes: bytes('activation_size'),
    memoryInUseBytes: args.mem_bytes_in_use === undefined ? undefined : bytes('mem_bytes_in_use'),
  };
}

/** [{"float":[1,64]}, …] in short. */
function shapes(given: unknown): string {
  if (!Array.isArray(given)) return '';
  const each = (given as Record<string, number[]>[]).flatMap((tensor) =>
    Object.entries(tensor).map(([type, shape]) => `${type}[${shape.join(',')}]`),
  );
  return each.join(' ').slice(0, 500);
}
