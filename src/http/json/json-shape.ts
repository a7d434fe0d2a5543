import { malformed } from './malformed.ts';

/**
 * What may be in a JSON text besides numbers: each of these costs many times its bytes once it is
 * parsed.
 */
export type JsonLimits = {
  /** VITRINE_JSON_ARRAYS_MAX */
  readonly jsonArraysMax: number;
  /** VITRINE_TEXTS_MAX */
  readonly textsMax: number;
  /** VITRINE_TEXT_BYTES_MAX */
  readonly textBytesMax: number;
};

/** What a text may be made of. */
export type JsonShape = Pick<JsonLimits, 'jsonArraysMax' | 'textsMax'> & {
  /** Members of objects, and objects. */
  readonly membersMax?: number;
  /** What helps where no setting of inference requests does. */
  readonly remedy?: string;
};

/** A tensor has at most 32 dimensions, and stands three levels deep. */
const depthMax = 64;
/** 1024 inputs and as many outputs, each with a dozen members. */
const inferenceMembersMax = 32_768;

/**
 * One pass over the bytes, about 1 ms a MiB, before anything is parsed. It takes what is no JSON,
 * too: the parser says so.
 */
export function checkJsonShape(
  bytes: Uint8Array,
  where: string,
  { jsonArraysMax, textsMax, membersMax = inferenceMembersMax, remedy }: JsonShape,
): void {
  const { length } = bytes;
  let depth = 0;
  let objects = 0;
  let arrays = 0;
  let members = 0;
  let texts = 0;
  for (let at = 0; at < length; at += 1) {
    switch (bytes[at]) {
      case quote:
        texts += 1;
        if (texts - members > textsMax)
          throw malformed(
            where,
            `has more than ${textsMax} texts; ${remedy ?? 'send less at once, or raise VITRINE_TEXTS_MAX'}`,
          );
        for (at += 1; at < length && bytes[at] !== quote; at += 1) if (bytes[at] === backslash) at += 1;
        break;
      case colon:
        members += 1;
        if (members > membersMax)
          throw malformed(
            where,
            `has more than ${membersMax} members in its objects; ${remedy ?? 'send less at once'}`,
          );
        break;
      case openBrace:
        objects += 1;
        if (objects > membersMax)
          throw malformed(where, `has more than ${membersMax} objects; ${remedy ?? 'send less at once'}`);
        depth += 1;
        if (depth > depthMax) throw tooDeep(where);
        break;
      case openBracket:
        arrays += 1;
        if (arrays > jsonArraysMax)
          throw malformed(
            where,
            `has more than ${jsonArraysMax} arrays${remedy === undefined ? ' (VITRINE_JSON_ARRAYS_MAX); send data flat, or as binary data' : `; ${remedy}`}`,
          );
        depth += 1;
        if (depth > depthMax) throw tooDeep(where);
        break;
      case closeBrace:
      case closeBracket:
        depth -= 1;
    }
  }
}

function tooDeep(where: string) {
  return malformed(where, `is nested more than ${depthMax} levels deep`);
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
