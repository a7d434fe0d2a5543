import { malformed } from '../../../http/json/malformed.ts';
import { WireWriter, wireTypes } from '../../../wire-writer.ts';
import { type Field, isScalar, type ProtoFile, type ScalarType } from './message-table.ts';
import { WireReader } from './wire-reader.ts';

/** A message by the names of its fields; a map is a Map, an enumeration its number. */
export type Message = { readonly [field: string]: unknown };

/**
 * Reads and writes the messages of a file by its table. Inferences have a codec of their own
 * (read-infer-message.ts), which makes no object for each number.
 */
export class Codec {
  readonly #file: ProtoFile;
  readonly #byNumber = new Map<string, Map<number, readonly [string, Field]>>();

  constructor(file: ProtoFile) {
    this.#file = file;
    for (const [name, fields] of Object.entries(file.messages))
      this.#byNumber.set(name, new Map(Object.entries(fields).map(([field, row]) => [row.number, [field, row]])));
  }

  /** Every field is there: one that was not sent has its zero, of a `oneof` undefined. */
  decode(type: string, bytes: Buffer): Message {
    return this.#read(type, new WireReader(bytes));
  }

  /** Fields that are left out, zeros and empty texts are not written. */
  encode(type: string, message: Message): Buffer {
    const writer = new WireWriter();
    this.#write(writer, type, message);
    return writer.bytes;
  }

  #read(type: string, reader: WireReader): Message {
    const fields = this.#file.messages[type]!;
    const byNumber = this.#byNumber.get(type)!;
    const message: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fields)) message[name] = this.#zero(field);
    while (!reader.isDone) {
      const tag = reader.tag();
      const [name, field] = byNumber.get(tag >>> 3) ?? [];
      if (name === undefined || field === undefined) reader.skip(tag & 7);
      else this.#readField(message, name, field, tag & 7, reader);
    }
    return message;
  }

  #readField(message: Record<string, unknown>, name: string, field: Field, wireType: number, reader: WireReader): void {
    if (field.is === 'map') {
      checkWireType(name, wireType, wireTypes.lengthDelimited);
      const [key, value] = this.#readEntry(field, reader.inner());
      (message[name] as Map<string, unknown>).set(key, value);
      return;
    }
    if (field.is === 'single') {
      message[name] = this.#readValue(name, field.type, wireType, reader);
      return;
    }
    const values = message[name] as unknown[];
    const isPacked = wireType === wireTypes.lengthDelimited && this.#wireTypeOf(field.type) !== wireType;
    if (!isPacked) values.push(this.#readValue(name, field.type, wireType, reader));
    else
      for (const packed = reader.inner(); !packed.isDone; )
        values.push(this.#readValue(name, field.type, this.#wireTypeOf(field.type), packed));
  }

  #readEntry(field: Field, reader: WireReader): [string, unknown] {
    let key = '';
    let value = this.#zero({ ...field, is: 'single' });
    while (!reader.isDone) {
      const tag = reader.tag();
      if (tag >>> 3 === 1) key = this.#readValue('key', 'string', tag & 7, reader) as string;
      else if (tag >>> 3 === 2) value = this.#readValue('value', field.type, tag & 7, reader);
      else reader.skip(tag & 7);
    }
    return [key, value ?? this.#read(field.type, new WireReader(noBytes))];
  }

  #readValue(name: string, type: string, wireType: number, reader: WireReader): unknown {
    checkWireType(name, wireType, this.#wireTypeOf(type));
    if (isScalar(type)) return readScalar(type, reader);
    return this.#isEnum(type) ? reader.signed() : this.#read(type, reader.inner());
  }

  #zero({ is, type, oneof }: Field): unknown {
    if (is === 'repeated') return [];
    if (is === 'map') return new Map();
    if (oneof !== undefined) return undefined;
    return isScalar(type) ? zeros[type] : this.#isEnum(type) ? 0 : undefined;
  }

  #write(writer: WireWriter, type: string, message: Message): void {
    for (const [name, field] of Object.entries(this.#file.messages[type]!)) {
      const value = message[name];
      if (value === undefined || value === null) continue;
      if (field.is === 'map') this.#writeMap(writer, field, value as ReadonlyMap<string, unknown>);
      else if (field.is === 'repeated') this.#writeRepeated(writer, field, value as readonly unknown[]);
      // What is set in a `oneof` is said even where it is zero.
      else if (field.oneof !== undefined || !isZero(value)) this.#writeValue(writer, field, value);
    }
  }

  #writeMap(writer: WireWriter, field: Field, values: ReadonlyMap<string, unknown>): void {
    for (const [key, value] of values)
      writer.message(field.number, () => {
        writer.text(1, key);
        this.#writeValue(writer, { ...field, number: 2 }, value);
      });
  }

  #writeRepeated(writer: WireWriter, field: Field, values: readonly unknown[]): void {
    const wireType = this.#wireTypeOf(field.type);
    if (wireType === wireTypes.lengthDelimited) for (const value of values) this.#writeValue(writer, field, value);
    else if (values.length > 0)
      writer.message(field.number, () => {
        for (const value of values) writeNumber(writer, field.type, value);
      });
  }

  #writeValue(writer: WireWriter, { number, type }: Field, value: unknown): void {
    if (type === 'string') writer.text(number, value as string);
    else if (type === 'bytes') writer.part(number, value as Uint8Array);
    else if (isScalar(type) || this.#isEnum(type)) {
      writer.tag(number, this.#wireTypeOf(type));
      writeNumber(writer, type, value);
    } else writer.message(number, () => this.#write(writer, type, value as Message));
  }

  #isEnum(type: string): boolean {
    return Object.hasOwn(this.#file.enums, type);
  }

  #wireTypeOf(type: string): number {
    if (this.#isEnum(type)) return wireTypes.varint;
    return isScalar(type) ? scalarWireTypes[type] : wireTypes.lengthDelimited;
  }
}

const noBytes = Buffer.alloc(0);

const scalarWireTypes: Readonly<Record<ScalarType, number>> = {
  double: wireTypes.fixed64,
  float: wireTypes.fixed32,
  int64: wireTypes.varint,
  uint64: wireTypes.varint,
  int32: wireTypes.varint,
  uint32: wireTypes.varint,
  bool: wireTypes.varint,
  string: wireTypes.lengthDelimited,
  bytes: wireTypes.lengthDelimited,
};

const zeros: Readonly<Record<ScalarType, unknown>> = {
  double: 0,
  float: 0,
  int64: 0,
  uint64: 0,
  int32: 0,
  uint32: 0,
  bool: false,
  string: '',
  bytes: noBytes,
};

function isZero(value: unknown): boolean {
  return value === 0 || value === false || value === '' || (value instanceof Uint8Array && value.length === 0);
}

function checkWireType(name: string, given: number, wanted: number): void {
  if (given !== wanted)
    throw malformed(`the message: ${name}`, `has the wire type ${given}, where ${wanted} is wanted`);
}

function readScalar(type: ScalarType, reader: WireReader): unknown {
  switch (type) {
    case 'bool':
      return reader.unsigned() !== 0;
    case 'string':
      return reader.text();
    case 'bytes':
      return reader.view();
    case 'double':
      return reader.double();
    case 'float':
      return reader.float();
    case 'uint64':
      return reader.unsigned();
    case 'uint32':
      return reader.low() >>> 0;
    case 'int32':
      return reader.low();
    case 'int64':
      return reader.signed();
  }
}

function writeNumber(writer: WireWriter, type: string, value: unknown): void {
  if (type === 'double') writer.double(value as number);
  else if (type === 'float') writer.float(value as number);
  else if (type === 'bool') writer.unsigned(value === true ? 1 : 0);
  else writer.signed(value as number);
}
