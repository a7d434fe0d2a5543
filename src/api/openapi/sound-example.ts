/**
 * A sound that can stand in JSON: a whole WAV file, 512 samples of 16 bits at 8192 Hz, all of whose
 * bytes are ASCII, so that it is the same bytes as text. Requests that are made from the
 * description's examples carry it.
 */
export const soundExample = [
  ...['RIFF', '$\u0004\0\0', 'WAVE'],
  ...['fmt ', '\u0010\0\0\0', '\u0001\0', '\u0001\0', '\0 \0\0', '\0@\0\0', '\u0002\0', '\u0010\0'],
  ...[
    'data',
    '\0\u0004\0\0',
    '\0@'.repeat(8),
    '\0\0'.repeat(8),
    ...Array.from({ length: 31 }, () => '\0@'.repeat(8) + '\0\0'.repeat(8)),
  ],
].join('');
