/** The facts of what is no JSON, as JSON in ASCII. */
export const factsHeader = 'X-Vitrine-Facts';

/** Facts beyond this stay out of the headers; they are in the JSON answers. */
const factsCharsMax = 4096;

/** Undefined where they are too long. */
export function factsText(facts: Record<string, unknown>): string | undefined {
  const text = inAscii(JSON.stringify(facts));
  return text.length <= factsCharsMax ? text : undefined;
}

function inAscii(json: string): string {
  return json.replace(/[^ -~]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
