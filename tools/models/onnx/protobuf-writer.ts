/**
 * The part of protobuf's wire format that an ONNX file needs. Calls chain; `bytes()` comes last.
 */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = [];

  integer(field: number, value: number | bigint): this {
    return this.#tag(field, 0).#varint(BigInt(value));
  }

  message(field: number, bytes: Uint8Array): this {
    this.#tag(field, 2).#varint(BigInt(bytes.length));
    this.#parts.push(bytes);
    return this;
  }

  text(field: number, text: string): this {
    return this.message(field, Buffer.from(text));
  }

  float(field: number, value: number): this {
    this.#tag(field, 5);
    this.#parts.push(new Uint8Array(Float32Array.of(value).buffer));
    return this;
  }

  finish(): Uint8Array {
    return new Uint8Array(Buffer.concat(this.#parts));
  }

  #tag(field: number, wireType: number): this {
    return this.#varint(BigInt((field << 3) | wireType));
  }

  #varint(value: bigint): this {
    const bytes: number[] = [];
    let rest = BigInt.asUintN(64, value);
    while (rest > 127n) {
      bytes.push(Number(rest & 127n) | 128);
      rest >>= 7n;
    }
    bytes.push(Number(rest));
    this.#parts.push(Uint8Array.from(bytes));
    return this;
  }
}
