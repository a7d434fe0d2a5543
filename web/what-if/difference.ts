/** How much more or less, as a person says it. */
export function differenceOf(before: number, after: number): string {
  if (after === before) return '=';
  if (before === 0) return 'new';
  const times = after / before;
  if (times >= 2) return `× ${times >= 10 ? times.toFixed(0) : times.toFixed(1)}`;
  const percent = (times - 1) * 100;
  return `${percent > 0 ? '+' : '−'}${Math.abs(percent).toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
}
