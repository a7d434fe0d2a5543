declare const isChecked: unique symbol;

/**
 * The lines of a head, each with its end of line. Only checked values make them, so no caller can
 * add a line.
 */
export type HeadLines = string & { readonly [isChecked]: 'lines' };
/** What may stand behind a name in a head. */
export type HeadValue = string & { readonly [isChecked]: 'value' };

export type HeadName =
  | 'Content-Encoding'
  | 'Content-Length'
  | 'Content-Type'
  | 'Inference-Header-Content-Length'
  | 'RateLimit'
  | 'RateLimit-Policy'
  | 'Retry-After'
  | 'Server-Timing'
  | 'traceresponse'
  | 'X-Request-Id';

/** Throws where the text has anything but tabs and printable ASCII: an end of line above all. */
export function headValue(text: string): HeadValue {
  if (/^[\t\x20-\x7e]*$/.test(text)) return text as HeadValue;
  throw new Error('A header would have characters that no header may have');
}

export function headLine(name: HeadName, value: HeadValue | number): HeadLines {
  return `${name}: ${value}\r\n` as HeadLines;
}

/** The one behind the other. */
export function joinHead<Part extends HeadLines | HeadValue>(first: Part, second: NoInfer<Part>): Part {
  return (first + second) as Part;
}

/** Names and values in turn, as Node takes them. */
export function namesAndValues(head: HeadLines): string[] {
  return head
    .split('\r\n')
    .slice(0, -1)
    .flatMap((line) => {
      const at = line.indexOf(': ');
      return [line.slice(0, at), line.slice(at + 2)];
    });
}
