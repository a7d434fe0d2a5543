const textCharsMax = 4_000;

/**
 * The answer as text of at most so many characters: long texts are cut, then the longest lists lose
 * their last halves, and the answer says how many entries it lacks.
 */
export function boundAnswer(answer: unknown, charsMax: number): string {
  if (typeof answer === 'string') return cut(answer, charsMax);
  const shortened = structuredClone(answer);
  const left = new Map<string, number>();
  cutTexts(shortened);
  for (;;) {
    const text = JSON.stringify(withLeftOut(shortened, left), null, 1);
    if (text.length <= charsMax) return text;
    const longest = longestList(shortened, '', undefined);
    if (!longest) return cut(text, charsMax);
    const { list, path } = longest;
    const removed = list.splice(Math.ceil(list.length / 2));
    left.set(path, (left.get(path) ?? 0) + removed.length);
  }
}

function withLeftOut(answer: unknown, left: ReadonlyMap<string, number>): unknown {
  return left.size === 0 ? answer : { answer, left_out: Object.fromEntries(left) };
}

type Found = { readonly list: unknown[]; readonly path: string; readonly chars: number };

/** The list that takes the most room; one with a single entry cannot be shortened. */
function longestList(value: unknown, path: string, best: Found | undefined): Found | undefined {
  if (typeof value !== 'object' || value === null) return best;
  let found = best;
  if (Array.isArray(value) && value.length > 1) {
    const chars = JSON.stringify(value).length;
    if (found === undefined || chars > found.chars) found = { list: value, path, chars };
  }
  for (const [key, each] of Object.entries(value)) {
    const inside = longestList(each, path === '' ? key : `${path}.${key}`, undefined);
    // A list that is most of another list is shortened first.
    if (inside && (found === undefined || inside.chars > 0.6 * found.chars)) found = inside;
  }
  return found;
}

function cutTexts(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  const of = value as Record<string, unknown>;
  for (const [key, each] of Object.entries(of))
    if (typeof each === 'string') of[key] = cut(each, textCharsMax);
    else cutTexts(each);
}

function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 40)} … (${text.length} characters in all)`;
}
