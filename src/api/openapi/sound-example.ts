/**
 * A sound that fits into JSON: a whole WAV file of 512 samples at 8192 Hz, whose bytes are all
 * ASCII. Requests made from the description's examples carry it.
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
