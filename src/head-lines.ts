declare const isChecked: unique symbol;

/**
 * The lines of a head, each behind an end of line: so a line can be continued. Only checked values
 * make them, so no caller can add a line.
 */
export type HeadLines = string & { readonly [isChecked]: 'lines' };
/** What may stand behind a name in a head. */
export type HeadValue = string & { readonly [isChecked]: 'value' };

const names = [
  'Content-Encoding',
  'Content-Length',
  'Content-Type',
  'Inference-Header-Content-Length',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'Server-Timing',
  'traceresponse',
  'X-Request-Id',
] as const;
export type HeadName = (typeof names)[number];

/** In one piece each: the fewer pieces a head is joined of, the sooner it is sent. */
const begins = Object.fromEntries(names.map((name) => [name, ['\r\n', name, ': '].join('')])) as Record<
  HeadName,
  string
>;

/** Throws where the text has anything but tabs and printable ASCII: an end of line above all. */
export function headValue(text: string): HeadValue {
  if (/^[\t\x20-\x7e]*$/.test(text)) return text as HeadValue;
  throw new Error('A header would have characters that no header may have');
}

/** Bytes as hexadecimal digits, which need no check. */
export function hexValue(bytes: Buffer, from: number, to: number): HeadValue {
  return bytes.toString('hex', from, to) as HeadValue;
}

/** A part of what was checked. */
export function partOf(value: HeadValue, from: number, to: number): HeadValue {
  return value.slice(from, to) as HeadValue;
}

/** The same text in one piece. It takes longer than to join: for what is joined to many heads. */
export function inOnePiece<Part extends HeadLines | HeadValue>(parts: readonly Part[]): Part {
  return parts.join('') as Part;
}

export function headLine(name: HeadName, value: HeadValue | number): HeadLines {
  return (begins[name] + value) as HeadLines;
}

/** The one behind the other; a value continues the last of the lines. */
export function joinHead<Part extends HeadLines | HeadValue>(
  first: Part,
  second: NoInfer<Part> | HeadValue | number,
): Part {
  return (first + second) as Part;
}

/** Names and values in turn, as Node takes them. */
export function namesAndValues(head: HeadLines): string[] {
  return head
    .split('\r\n')
    .slice(1)
    .flatMap((line) => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)];
    });
}
