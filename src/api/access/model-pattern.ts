/** Longer names are no model's: nothing is matched or looked up for them. */
export const modelNameCharsMax = 128;

/**
 * Whether the whole name is what the pattern says; `*` stands for any text. Only the last star that
 * was met is ever given more, so that no pattern can make the caller of a name wait: a regular
 * expression with several stars tries all their lengths together.
 */
export function matchesPattern(pattern: string, name: string): boolean {
  if (name.length > modelNameCharsMax) return false;
  let inPattern = 0;
  let inName = 0;
  let star = -1;
  let starEnd = 0;
  while (inName < name.length) {
    if (pattern[inPattern] === '*') {
      star = inPattern;
      starEnd = inName;
      inPattern += 1;
    } else if (pattern[inPattern] === name[inName]) {
      inPattern += 1;
      inName += 1;
    } else if (star >= 0) {
      starEnd += 1;
      inName = starEnd;
      inPattern = star + 1;
    } else return false;
  }
  while (pattern[inPattern] === '*') inPattern += 1;
  return inPattern === pattern.length;
}
