/** The name of a fact as words, as in `lengthPixels` and `duration_seconds`. */
export function wordsOf(name: string): string {
  return name.replaceAll('_', ' ').replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
