const nouns: Readonly<Record<string, string>> = { infer: 'inferences', tasks: 'tasks' };
/** With more left, nobody need know. */
const worthSaying = 1_000;

/** What is left of the caller's quota; undefined where that is plenty, or unknown. */
export function quotaLeft(rateLimit: string | null): string | undefined {
  const [, of = '', left, seconds] = /^"(\w+)";r=(\d+);t=(\d+)/.exec(rateLimit ?? '') ?? [];
  if (left === undefined || Number(left) > worthSaying) return undefined;
  return `${left} ${nouns[of] ?? of} left${seconds === '0' ? '' : `, all again in ${seconds} s`}`;
}
