import { inputText } from '../../engine/tensor.ts';
import { type FlightRecord, faultOfRecord } from '../flight/flight-record.ts';
import { wireForm } from '../flight/request-table.ts';

/** All that two sets of requests are compared by. */
type Field =
  | { readonly kind: 'word'; readonly label: string; of(record: FlightRecord): string | undefined }
  | {
      readonly kind: 'number';
      readonly label: string;
      readonly unit: 'ms' | 'bytes' | '';
      of(record: FlightRecord): number | undefined;
    };

export const comparedFields = {
  model: { kind: 'word', label: 'model', of: ({ model }) => model },
  version: {
    kind: 'word',
    label: 'version of the model',
    of: ({ model, version }) => version && `${model} ${version}`,
  },
  task: { kind: 'word', label: 'task', of: ({ task }) => task },
  tenant: { kind: 'word', label: 'tenant', of: ({ tenant }) => tenant },
  route: { kind: 'word', label: 'route', of: ({ method, route }) => `${method} ${route}` },
  status: { kind: 'word', label: 'status', of: ({ status }) => String(status) },
  failure: { kind: 'word', label: 'failure', of: ({ failure }) => failure },
  fault: { kind: 'word', label: 'whose failure', of: (record) => faultOfRecord(record) },
  body: { kind: 'word', label: 'body', of: ({ size }) => bodyOf(size) },
  shapes: { kind: 'word', label: 'shapes of a failed request', of: ({ inputs }) => inputs?.map(inputText).join('; ') },
  lane: { kind: 'word', label: 'lane', of: ({ batch }) => batch?.lane },
  provider: { kind: 'word', label: 'provider', of: ({ batch }) => batch?.provider },
  closed_by: { kind: 'word', label: 'what closed the batch', of: ({ batch }) => batch?.closedBy },
  outcome: { kind: 'word', label: 'how the run ended', of: ({ batch }) => batch?.outcome },
  lost_runs: { kind: 'number', unit: '', label: 'runs without an answer', of: ({ lost }) => lost?.runs ?? 0 },
  rows: { kind: 'number', unit: '', label: 'rows', of: ({ size }) => size.rows },
  bytes: { kind: 'number', unit: 'bytes', label: 'bytes of its tensors', of: ({ size }) => size.bytes },
  body_bytes: { kind: 'number', unit: 'bytes', label: 'bytes of its body', of: ({ size }) => size.bodyBytes },
  answer_bytes: { kind: 'number', unit: 'bytes', label: 'bytes of its answer', of: ({ size }) => size.answerBytes },
  waiting_found: {
    kind: 'number',
    unit: '',
    label: 'requests that waited before it',
    of: ({ arrival }) => arrival?.waiting,
  },
  running_found: {
    kind: 'number',
    unit: '',
    label: 'batches that ran when it came',
    of: ({ arrival }) => arrival?.running,
  },
  batch_requests: { kind: 'number', unit: '', label: 'requests in its batch', of: ({ batch }) => batch?.inputs },
  batch_rows: { kind: 'number', unit: '', label: 'rows in its batch', of: ({ batch }) => batch?.rows },
  took: { kind: 'number', unit: 'ms', label: 'time taken', of: ({ tookMs }) => tookMs },
  receive: { kind: 'number', unit: 'ms', label: 'time to receive the body', of: ({ stages }) => stages.receive },
  decode: { kind: 'number', unit: 'ms', label: 'time to read the input', of: ({ stages }) => stages.decode },
  queue: { kind: 'number', unit: 'ms', label: 'time in the queue', of: ({ stages }) => stages.queue },
  run: { kind: 'number', unit: 'ms', label: 'time of the run', of: ({ stages }) => stages.run },
  session: { kind: 'number', unit: 'ms', label: 'time in ONNX Runtime', of: ({ batch }) => batch?.sessionMs },
  cpu: { kind: 'number', unit: 'ms', label: 'CPU time of its run', of: ({ batch }) => batch?.cpuMs },
  stall: {
    kind: 'number',
    unit: 'ms',
    label: 'time of its run without a CPU',
    of: ({ batch }) => batch && Math.max(0, batch.sessionMs - batch.cpuMs),
  },
  encode: { kind: 'number', unit: 'ms', label: 'time to write the answer', of: ({ stages }) => stages.encode },
  send: { kind: 'number', unit: 'ms', label: 'time to send the answer', of: ({ stages }) => stages.send },
} as const satisfies Record<string, Field>;

export type ComparedField = keyof typeof comparedFields;
export const comparedFieldNames = Object.keys(comparedFields) as ComparedField[];

export function fieldOf(name: ComparedField): Field {
  return comparedFields[name];
}

function bodyOf({ form, bodyBytes }: FlightRecord['size']): string | undefined {
  if (bodyBytes === 0) return undefined;
  return (form & wireForm.json) === 0 ? 'binary' : 'JSON';
}
