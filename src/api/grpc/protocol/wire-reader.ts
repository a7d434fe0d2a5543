import { malformed } from '../../../http/json/malformed.ts';
import { wireTypes } from '../../../wire-writer.ts';

export type WireType = (typeof wireTypes)[keyof typeof wireTypes];

/** Each costs time, however little there is in it; lists of numbers come packed in one. */
const fieldsMaxByDefault = 2 ** 17;

/**
 * Reads one message of the Protocol Buffers wire format where it lies. It allocates nothing for
 * what a message only announces.
 */
export class WireReader {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
  /** Of the last varint: its upper 32 bits. */
  high = 0;
  #fieldsLeft: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length, fieldsMax = fieldsMaxByDefault) {
    this.#fieldsLeft = fieldsMax;
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  get isDone(): boolean {
    return this.at >= this.end;
  }

  /** The number of the next field, times 8, and its wire type. */
  tag(): number {
    const tag = this.low() >>> 0;
    if (tag < 8 || this.high !== 0) throw malformed('the message', `has no field number at byte ${this.at}`);
    this.#fieldsLeft -= 1;
    if (this.#fieldsLeft < 0) throw malformed('the message', `has more fields than are taken, at byte ${this.at}`);
    return tag;
  }

  /** The lower 32 bits of a varint, signed; the upper ones are in `high`. */
  low(): number {
    const { bytes } = this;
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= this.end) throw endsTooSoon(this.at);
      const byte = bytes[this.at]!;
      this.at += 1;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) {
        this.high = high;
        return low;
      }
    }
    throw malformed('the message', `has a number of more than 10 bytes that ends at byte ${this.at}`);
  }

  /** A whole number of up to 64 bits; beyond 2^53 it is rounded, so a caller checks what it takes. */
  signed(): number {
    const low = this.low();
    return this.high * 2 ** 32 + (low >>> 0);
  }

  unsigned(): number {
    const low = this.low();
    return (this.high >>> 0) * 2 ** 32 + (low >>> 0);
  }

  double(): number {
    return this.bytes.readDoubleLE(this.#fixed(8));
  }

  float(): number {
    return this.bytes.readFloatLE(this.#fixed(4));
  }

  /** A part with its length before it: answers where it ends and stands where it begins. */
  part(): number {
    const length = this.unsigned();
    const end = this.at + length;
    if (end > this.end)
      throw malformed('the message', `says ${length} bytes at byte ${this.at}, where ${this.end - this.at} are left`);
    return end;
  }

  text(): string {
    const end = this.part();
    const text = this.bytes.toString('utf8', this.at, end);
    this.at = end;
    return text;
  }

  view(): Buffer {
    const end = this.part();
    const view = this.bytes.subarray(this.at, end);
    this.at = end;
    return view;
  }

  /** The message in the next part. */
  inner(): WireReader {
    const end = this.part();
    const inner = new WireReader(this.bytes, this.at, end);
    this.at = end;
    return inner;
  }

  /** Passes over the value of a field that nobody asked for. */
  skip(type: number): void {
    switch (type) {
      case wireTypes.varint:
        this.low();
        return;
      case wireTypes.fixed64:
        this.#fixed(8);
        return;
      case wireTypes.fixed32:
        this.#fixed(4);
        return;
      case wireTypes.lengthDelimited:
        this.at = this.part();
        return;
      default:
        throw malformed('the message', `has the wire type ${type} at byte ${this.at}, which is not in use`);
    }
  }

  #fixed(size: number): number {
    const at = this.at;
    if (at + size > this.end) throw endsTooSoon(at);
    this.at = at + size;
    return at;
  }
}

function endsTooSoon(at: number) {
  return malformed('the message', `ends at byte ${at}, in the middle of a field`);
}
