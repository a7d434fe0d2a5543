/** Writes a protobuf message; the buffer grows with it. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(16_384);
  #at = 0;

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  text(field: number, value: string): void {
    if (value === '') return;
    this.bytes(field, Buffer.from(value));
  }

  bytes(field: number, value: Uint8Array): void {
    this.#tag(field, 2);
    this.#varint(value.length);
    this.raw(value);
  }

  /** Fields that are written already. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  double(field: number, value: number): void {
    this.#tag(field, 1);
    this.#double(value);
  }

  fixed64(field: number, value: bigint): void {
    this.#tag(field, 1);
    this.#fixed64(value);
  }

  varint(field: number, value: number): void {
    this.#tag(field, 0);
    this.#varint(value);
  }

  /** Of a number that may be negative. */
  zigzag(field: number, value: number): void {
    this.varint(field, value < 0 ? -2 * value - 1 : 2 * value);
  }

  message(field: number, write: () => void): void {
    this.#tag(field, 2);
    const from = this.#at;
    this.#reserve(1);
    this.#at += 1;
    write();
    const length = this.#at - from - 1;
    const more = varintBytes(length) - 1;
    this.#reserve(more);
    // One byte was kept for the length; a longer message makes room for more.
    if (more > 0) this.#bytes.copyWithin(from + 1 + more, from + 1, this.#at);
    this.#at = from;
    this.#varint(length);
    this.#at += length;
  }

  doubles(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.#tag(field, 2);
    this.#varint(8 * values.length);
    for (const value of values) this.#double(value);
  }

  fixed64s(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.#tag(field, 2);
    this.#varint(8 * values.length);
    for (const value of values) this.#fixed64(BigInt(value));
  }

  varints(field: number, values: readonly number[]): void {
    if (values.length === 0) return;
    this.message(field, () => {
      for (const value of values) this.#varint(value);
    });
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType);
  }

  #varint(value: number): void {
    this.#reserve(10);
    let rest = value;
    while (rest >= 128) {
      this.#bytes[this.#at] = (rest % 128) + 128;
      this.#at += 1;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at] = rest;
    this.#at += 1;
  }

  #double(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  #fixed64(value: bigint): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeBigUInt64LE(value, this.#at);
  }

  #reserve(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#at + more));
    larger.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = larger;
  }
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes += 1;
  return bytes;
}
