/** How a field's value is written: the low bits of its tag. */
export const wireTypes = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** Writes messages of the Protocol Buffers wire format into one buffer that grows. */
export class WireWriter {
  #bytes: Buffer;
  #at = 0;

  constructor(sizeHint = 256) {
    this.#bytes = Buffer.allocUnsafe(sizeHint);
  }

  get size(): number {
    return this.#at;
  }

  /** What was written; the writer is not used after it. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  tag(field: number, type: number): void {
    this.unsigned(field * 8 + type);
  }

  unsigned(value: number): void {
    this.#room(10);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at] = (rest % 0x80) | 0x80;
      this.#at += 1;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  /** A number of 64 bits by its halves. */
  halves(low: number, high: number): void {
    if (high === 0) {
      this.unsigned(low >>> 0);
      return;
    }
    this.#room(10);
    let lowRest = low >>> 0;
    let highRest = high >>> 0;
    while (highRest !== 0 || lowRest >= 0x80) {
      this.#bytes[this.#at] = (lowRest & 0x7f) | 0x80;
      this.#at += 1;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    this.#bytes[this.#at] = lowRest;
    this.#at += 1;
  }

  /** A whole number as int32 and int64 have it: a negative one takes ten bytes. */
  signed(value: number): void {
    if (value >= 0) this.unsigned(value);
    else this.halves(value | 0, Math.floor(value / 2 ** 32));
  }

  double(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  /** Not a varint: eight bytes. */
  fixed64(value: bigint): void {
    this.#room(8);
    this.#at = this.#bytes.writeBigUInt64LE(value, this.#at);
  }

  float(value: number): void {
    this.#room(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
  }

  /** A field of text. */
  text(field: number, text: string): void {
    this.tag(field, wireTypes.lengthDelimited);
    const length = Buffer.byteLength(text);
    this.unsigned(length);
    this.#room(length);
    this.#bytes.write(text, this.#at);
    this.#at += length;
  }

  /** A field of bytes, or of a message that is written already. */
  part(field: number, bytes: Uint8Array): void {
    this.partHead(field, bytes.length);
    this.raw(bytes);
  }

  /** What comes before so many bytes that follow elsewhere. */
  partHead(field: number, length: number): void {
    this.tag(field, wireTypes.lengthDelimited);
    this.unsigned(length);
  }

  /** A field whose length is known when `write` has written it. */
  message(field: number, write: () => void): void {
    this.tag(field, wireTypes.lengthDelimited);
    const before = this.#at;
    // Most messages are shorter than 128 bytes: then their length takes the one byte left for it.
    this.#room(1);
    this.#at += 1;
    write();
    const length = this.#at - before - 1;
    const lengthBytes = varintBytes(length);
    if (lengthBytes > 1) {
      this.#room(lengthBytes);
      this.#bytes.copyWithin(before + lengthBytes, before + 1, this.#at);
    }
    this.#at = before;
    this.unsigned(length);
    this.#at += length;
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

export function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes += 1;
  return bytes;
}
