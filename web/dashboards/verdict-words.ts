import type { Judged } from './judge-values.ts';

/** What the checks of a dashboard come to. It says nothing of what has no limit. */
export function verdictWords(values: readonly Pick<Judged, 'is'>[]): string {
  const failing = values.filter(({ is }) => is !== 'good').length;
  if (failing > 0) return `${failing} of ${values.length} checks ${failing === 1 ? 'fails' : 'fail'}:`;
  return values.length === 1 ? 'The one check passes.' : `All ${values.length} checks pass.`;
}
