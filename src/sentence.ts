/**
 * A sentence for a caller, in two forms: `text` is complete, and `safe` may be recorded: it leaves
 * out the caller's own words. Made by `say`; embedded in another sentence, each form stays apart.
 */
export class Sentence {
  readonly text: string;
  readonly safe: string;

  constructor(text: string, safe: string) {
    this.text = text;
    this.safe = safe;
  }

  toString(): string {
    return this.text;
  }
}

/** Stands where the caller's words were. */
export const cut = '(…)';

/**
 * Texts in the code are ours, and so are numbers and truth values: sizes, shapes, limits. Any other
 * text is taken for the caller's and cut from records, since it often is (a file's name, a made-up
 * model). `ours` vouches for one that is not.
 */
export function say(words: TemplateStringsArray, ...parts: readonly Part[]): Sentence {
  let text = words[0]!;
  let safe = text;
  for (const [at, part] of parts.entries()) {
    const next = words[at + 1]!;
    text += String(part) + next;
    const shown = shownOf(part);
    // Two of the caller's texts side by side leave one gap.
    safe += (shown === cut && safe.endsWith(cut) ? '' : shown) + next;
  }
  return new Sentence(text, safe);
}

type Part = string | number | readonly number[] | boolean | bigint | undefined | Sentence;

/** The part as records may have it. */
function shownOf(part: Part): string {
  if (part instanceof Sentence) return part.safe;
  if (typeof part !== 'string') return String(part);
  return part === '' ? '' : cut;
}

/**
 * A text that no caller wrote: the name of a setting, of a model that exists, of one of its inputs.
 */
export function ours(text: string): Sentence {
  return new Sentence(text, text);
}

/** A text that a caller wrote; it is recorded only if it is one of those that exist here anyway. */
export function oursIfAmong(text: string, existing: Iterable<string>): Sentence {
  for (const each of existing) if (each === text) return ours(text);
  return new Sentence(text, cut);
}

/** Sentences one behind the other. */
export function joined(sentences: readonly Sentence[], between: string): Sentence {
  return new Sentence(sentences.map(({ text }) => text).join(between), sentences.map(({ safe }) => safe).join(between));
}
