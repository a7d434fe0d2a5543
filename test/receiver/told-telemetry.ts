import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';

export type ToldLog = { severity: string; body: string; traceId: string; attributes: Record<string, unknown> };
export type ToldPoint = {
  name: string;
  unit: string;
  labels: Record<string, unknown>;
  value: number;
  buckets: number[];
};

/**
 * An OTLP receiver that also reads what it receives: log records and metric points, in the order of
 * arrival.
 */
export class ToldTelemetry {
  readonly logs: ToldLog[] = [];
  readonly points: ToldPoint[] = [];
  readonly #receiver: OtlpReceiver;

  private constructor(receiver: OtlpReceiver) {
    this.#receiver = receiver;
    const receive = receiver.receive.bind(receiver);
    receiver.receive = (signal, request, reply) => {
      if (signal === 'logs') this.logs.push(...readLogs(request));
      if (signal === 'metrics') this.points.push(...readPoints(request));
      receive(signal, request, reply);
    };
  }

  static async start(port = 0): Promise<ToldTelemetry> {
    return new ToldTelemetry(await OtlpReceiver.start(port));
  }

  /** Every request, as it came over the wire. */
  get received(): readonly Buffer[] {
    return this.#receiver.received;
  }

  get port(): number {
    return this.#receiver.port;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The events of one type, less our own lines. */
  events(type: string): ToldLog[] {
    return this.logs.filter(({ attributes }) => attributes.event_type === type);
  }

  /** The values that a series went through, repeats left out. */
  course(name: string, labels: Record<string, string> = {}): number[] {
    const values = this.points
      .filter(
        (point) => point.name === name && Object.entries(labels).every(([key, value]) => point.labels[key] === value),
      )
      .map(({ value }) => value);
    return values.filter((value, at) => at === 0 || value !== values[at - 1]);
  }

  stop(): void {
    this.#receiver.stop();
  }

  [Symbol.dispose](): void {
    this.stop();
  }
}

// Just enough of the protobuf wire format to read OTLP by its field numbers.

type Field = { number: number; bytes: Buffer; varint: bigint };

export function readLogs(request: Buffer): ToldLog[] {
  return messages(request, 1, 2, 2).map((record) => ({
    severity: only(record, 3)?.bytes.toString() ?? '',
    body: String(anyValue(only(record, 5)?.bytes)),
    traceId: only(record, 9)?.bytes.toString('hex') ?? '',
    attributes: attributes(record, 6),
  }));
}

function readPoints(request: Buffer): ToldPoint[] {
  return messages(request, 1, 2, 2).flatMap((metric) => {
    const name = only(metric, 1)?.bytes.toString() ?? '';
    const unit = only(metric, 3)?.bytes.toString() ?? '';
    const numbers = [5, 7]
      .flatMap((kind) => messages(metric, kind, 1))
      .map((point) => ({
        name,
        unit,
        labels: attributes(point, 7),
        value: only(point, 4)?.bytes.readDoubleLE() ?? Number(only(point, 6)?.bytes.readBigInt64LE() ?? 0n),
        buckets: [],
      }));
    const histograms = messages(metric, 9, 1).map((point) => ({
      name,
      unit,
      labels: attributes(point, 9),
      value: Number(only(point, 4)?.bytes.readBigUInt64LE() ?? 0n),
      buckets: packed(only(point, 6)?.bytes),
    }));
    return [...numbers, ...histograms];
  });
}

/** The messages found by following field numbers down. */
function messages(from: Buffer, ...path: number[]): Buffer[] {
  return path.reduce<Buffer[]>(
    (level, number) =>
      level.flatMap((message) =>
        fields(message)
          .filter((field) => field.number === number)
          .map((field) => field.bytes),
      ),
    [from],
  );
}

function only(message: Buffer, number: number): Field | undefined {
  return fields(message).find((field) => field.number === number);
}

function attributes(message: Buffer, number: number): Record<string, unknown> {
  return Object.fromEntries(
    messages(message, number).map((pair) => [only(pair, 1)?.bytes.toString(), anyValue(only(pair, 2)?.bytes)]),
  );
}

function anyValue(bytes: Buffer | undefined): unknown {
  const [field] = bytes ? fields(bytes) : [];
  switch (field?.number) {
    case 1:
      return field.bytes.toString();
    case 2:
      return field.varint === 1n;
    case 3:
      return Number(field.varint);
    case 4:
      return field.bytes.readDoubleLE();
    default:
      return undefined;
  }
}

function packed(bytes: Buffer = Buffer.alloc(0)): number[] {
  return Array.from({ length: bytes.length / 8 }, (_, at) => Number(bytes.readBigUInt64LE(at * 8)));
}

function fields(message: Buffer): Field[] {
  const found: Field[] = [];
  let at = 0;
  const varint = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < message.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    const value = wire === 0 || wire === 2 ? varint() : 0n;
    const length = wire === 2 ? Number(value) : wire === 1 ? 8 : wire === 5 ? 4 : 0;
    found.push({ number: tag >> 3, varint: value, bytes: message.subarray(at, at + length) });
    at += length;
  }
  return found;
}
