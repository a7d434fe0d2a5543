import type { Found } from './found.ts';

/**
 * What has every word of the text, the best first: by its name before by its description, from the
 * beginning of a word before from its middle.
 */
export function rankFound(all: readonly Found[], text: string, most: number): Found[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return all
    .map((each) => ({ each, worth: words.reduce((sum, word) => sum + worthOf(each, word), 0) }))
    .filter(({ worth }) => Number.isFinite(worth))
    .sort((a, b) => b.worth - a.worth || a.each.name.length - b.each.name.length)
    .slice(0, most)
    .map(({ each }) => each);
}

function worthOf({ kind, name, says }: Found, word: string): number {
  const of = (text: string, full: number, begin: number, within: number) => {
    const lower = text.toLowerCase();
    const at = lower.indexOf(word);
    if (at < 0) return 0;
    if (lower === word) return full;
    return at === 0 || /[\W_]/.test(lower[at - 1]!) ? begin : within;
  };
  const worth = Math.max(of(name, 100, 60, 40), of(kind, 20, 10, 0), of(says, 15, 12, 6));
  return worth > 0 ? worth : Number.NEGATIVE_INFINITY;
}
