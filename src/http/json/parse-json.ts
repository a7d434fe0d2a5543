import { isUtf8 } from 'node:buffer';
import { checkJsonShape, type JsonShape } from './json-shape.ts';
import { malformed } from './malformed.ts';

/** Up to this, whatever stands in it is parsed at once. */
const uncheckedBytesMax = 4096;

/** What parameters may be made of: they are bounded by their bytes as well. */
const parameterLimits: JsonShape = { jsonArraysMax: 16_384, textsMax: 16_384, remedy: 'send less at once' };

/**
 * JSON as bytes to a value, once it is known what it is made of. What is not UTF-8 is refused: a
 * decoder that puts U+FFFD in its place would change the caller's text.
 */
export function parseJson(bytes: Buffer, where = 'the JSON', limits = parameterLimits): unknown {
  if (!isUtf8(bytes)) throw malformed(where, 'is not UTF-8');
  if (bytes.length > uncheckedBytesMax) checkJsonShape(bytes, where, limits);
  try {
    return JSON.parse(bytes.toString());
  } catch (cause) {
    throw malformed(where, `is not valid JSON (${positionIn(cause)})`, cause);
  }
}

/**
 * V8's message quotes the text around the error; only the position is repeated, which it does not
 * say of short texts.
 */
function positionIn(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : '';
  const position = /at position \d+/.exec(message);
  if (position) return `the error is ${position[0]}`;
  return /end of JSON input/.test(message) ? 'it ends too early' : 'it has a character that JSON does not allow there';
}
