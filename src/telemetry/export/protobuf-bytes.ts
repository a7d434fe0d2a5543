/**
 * Writes a protobuf message piece by piece into one block that grows. Field numbers and types are the caller's; `begin` and `end` go around what
 * stands behind a length.
 */
export class ProtobufBytes {
  #bytes = Buffer.allocUnsafeSlow(64 * 1024);
  #at = 0;

  /** What was written, in memory of its own; the next message begins. */
  take(): Uint8Array {
    const message = new Uint8Array(this.#bytes.subarray(0, this.#at));
    this.#at = 0;
    return message;
  }

  get size(): number {
    return this.#at;
  }

  /** Takes away what stands from there on. */
  cut(from: number): Uint8Array {
    const end = new Uint8Array(this.#bytes.subarray(from, this.#at));
    this.#at = from;
    return end;
  }

  /** As it is. */
  raw(value: Uint8Array): void {
    this.#makeRoom(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  tag(field: number, wireType: WireType): void {
    this.varint((field << 3) | wireType);
  }

  /** Whole numbers of 64 bits, also negative ones. */
  varint(value: number): void {
    this.#makeRoom(varintBytesMax);
    if (value < 0 || value > 0xffff_ffff) {
      this.#longVarint(BigInt.asUintN(64, BigInt(value)));
      return;
    }
    let rest = value;
    let at = this.#at;
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[at++] = (rest & 0x7f) | 0x80;
    this.#bytes[at++] = rest;
    this.#at = at;
  }

  #longVarint(value: bigint): void {
    let rest = value;
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#at++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#at++] = Number(rest);
  }

  fixed32(value: number): void {
    this.#makeRoom(4);
    this.#at = this.#bytes.writeUInt32LE(value, this.#at);
  }

  double(value: number): void {
    this.#makeRoom(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** Seconds and nanoseconds as nanoseconds in 64 bits: more than a number holds, so in two parts that are each exact. */
  nanoseconds(seconds: number, nanoseconds: number): void {
    this.#makeRoom(8);
    const low = (seconds % 65_536) * 1e9 + nanoseconds;
    const high = Math.floor(seconds / 65_536) * 1e9;
    const sum = (high % 65_536) * 65_536 + (low % 2 ** 32);
    const carry = sum >= 2 ** 32 ? 1 : 0;
    const at = this.#bytes.writeUInt32LE(sum - carry * 2 ** 32, this.#at);
    this.#at = this.#bytes.writeUInt32LE(Math.floor(high / 65_536) + Math.floor(low / 2 ** 32) + carry, at);
  }

  /** With its length before it. */
  text(value: string): void {
    const { length } = value;
    this.#makeRoom(3 * length + varintBytesMax);
    if (length > shortMax) {
      this.#longText(value);
      return;
    }
    const bytes = this.#bytes;
    let at = this.#at + 1;
    for (let index = 0; index < length; index += 1) {
      const code = value.charCodeAt(index);
      if (code > 0x7f) {
        this.#longText(value);
        return;
      }
      bytes[at++] = code;
    }
    bytes[this.#at] = length;
    this.#at = at;
  }

  #longText(value: string): void {
    this.varint(Buffer.byteLength(value));
    this.#at += this.#bytes.write(value, this.#at);
  }

  /** With its length before it. */
  bytes(value: Uint8Array): void {
    this.varint(value.length);
    this.raw(value);
  }

  /** Hexadecimal digits as bytes, with their length before them. */
  hex(digits: string): void {
    const length = digits.length >> 1;
    this.varint(length);
    this.#makeRoom(length);
    const bytes = this.#bytes;
    let at = this.#at;
    for (let index = 0; index < digits.length; index += 2)
      bytes[at++] = (digitValues[digits.charCodeAt(index)]! << 4) | digitValues[digits.charCodeAt(index + 1)]!;
    this.#at = at;
  }

  /** Leaves room for a length of so many bytes, which `end` gets right if it was another. Answers the place for `end`. */
  begin(lengthBytes: 1 | 2 | 3): number {
    this.#makeRoom(lengthBytes);
    this.#at += lengthBytes;
    return this.#at;
  }

  end(from: number, lengthBytes: 1 | 2 | 3): void {
    const end = this.#at;
    const length = end - from;
    const needed = bytesOfVarint(length);
    if (needed !== lengthBytes) {
      this.#makeRoom(needed);
      this.#bytes.copyWithin(from - lengthBytes + needed, from, end);
    }
    this.#at = from - lengthBytes;
    this.varint(length);
    this.#at += length;
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * this.#bytes.length, this.#at + bytes));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

export const wireTypes = { varint: 0, eightBytes: 1, length: 2, fourBytes: 5 } as const;
type WireType = (typeof wireTypes)[keyof typeof wireTypes];

const varintBytesMax = 10;
/** What has a length of one byte, and is written letter by letter: to call the encoder costs more. */
const shortMax = 127;

export function bytesOfVarint(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
}

/** By the code of a hexadecimal digit. */
const digitValues = new Uint8Array(128);
for (const [value, digit] of [...'0123456789abcdef'].entries()) digitValues[digit.charCodeAt(0)] = value;
