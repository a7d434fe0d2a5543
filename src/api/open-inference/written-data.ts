// Where the data of an input stands in JSON that has been parsed once, so that it is known to be
// valid; and its numbers as they were written.

/**
 * The bytes of `inputs[index].data`. Of a member that is written twice the last one counts, as it
 * does for the parser.
 */
export function writtenData(json: Buffer, index: number): Buffer {
  const inputs = memberAt(json, 0, 'inputs');
  const start = memberAt(json, elementAt(json, inputs, index), 'data');
  return json.subarray(start, valueEnd(json, start));
}

/** The bytes of a member of the whole. */
export function writtenMember(json: Buffer, name: string): Buffer {
  const start = memberAt(json, 0, name);
  return json.subarray(start, valueEnd(json, start));
}

/**
 * Puts the whole numbers of an array, nested or not, into the target with all their digits. Answers
 * the first that is none, or does not fit: where it is, counted flat, and as it was written.
 */
export function fillAsWritten(
  data: Buffer,
  target: BigInt64Array | BigUint64Array,
): { readonly index: number; readonly written: string } | undefined {
  const [min, max] = target instanceof BigInt64Array ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
  let index = 0;
  for (let at = 0; at < data.length; at += 1) {
    const byte = data[at]!;
    if (byte === openBracket || byte === closeBracket || byte === comma || isSpace(byte)) continue;
    const end = valueEnd(data, at);
    const written = data.toString('latin1', at, end);
    const value = wholeNumber(written);
    if (value === undefined || value < min || value > max) return { index, written: data.toString('utf8', at, end) };
    target[index] = value;
    index += 1;
    at = end - 1;
  }
  return undefined;
}

function wholeNumber(written: string): bigint | undefined {
  if (/^-?\d+$/.test(written)) return BigInt(written);
  const value = /^[-\d]/.test(written) ? Number(written) : Number.NaN;
  return Number.isSafeInteger(value) ? BigInt(value) : undefined;
}

/** Where the value of the object's last member of this name begins. */
function memberAt(json: Buffer, object: number, name: string): number {
  let found = -1;
  let at = afterSpace(json, afterSpace(json, object) + 1);
  while (json[at] !== closeBrace) {
    const nameEnd = valueEnd(json, at);
    const value = afterSpace(json, afterSpace(json, nameEnd) + 1);
    if ((JSON.parse(json.toString('utf8', at, nameEnd)) as string) === name) found = value;
    at = afterSpace(json, valueEnd(json, value));
    if (json[at] === comma) at = afterSpace(json, at + 1);
  }
  return found;
}

function elementAt(json: Buffer, array: number, index: number): number {
  let at = afterSpace(json, array + 1);
  for (let passed = 0; passed < index; passed += 1) {
    at = afterSpace(json, valueEnd(json, at));
    at = afterSpace(json, at + 1);
  }
  return at;
}

/** Behind the value that begins here. */
function valueEnd(json: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < json.length; at += 1) {
    switch (json[at]) {
      case quote:
        for (at += 1; json[at] !== quote; at += 1) if (json[at] === backslash) at += 1;
        if (depth === 0) return at + 1;
        break;
      case openBracket:
      case openBrace:
        depth += 1;
        break;
      case closeBracket:
      case closeBrace:
        if (depth === 0) return at;
        depth -= 1;
        if (depth === 0) return at + 1;
        break;
      case comma:
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
        if (depth === 0) return at;
    }
  }
  return json.length;
}

function afterSpace(json: Buffer, start: number): number {
  let at = start;
  while (isSpace(json[at]!)) at += 1;
  return at;
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** A tensor's data as JSON text, in pieces. */
export type WrittenData = { readonly pieces: readonly Uint8Array[]; readonly nonFinite: number };

export function bufferOver({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}
