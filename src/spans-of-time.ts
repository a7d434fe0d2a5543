/** From when to when, in milliseconds of one clock. */
export type Span = { readonly from: number; readonly to: number };

export function lengthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { from, to }) => sum + to - from, 0);
}

/** How long both were. */
export function sharedMs(one: Span, other: Span): number {
  return Math.max(0, Math.min(one.to, other.to) - Math.max(one.from, other.from));
}

/** In their order, each moment once. */
export function joined(spans: readonly Span[]): Span[] {
  const sorted = spans.filter(({ from, to }) => to > from).sort((one, other) => one.from - other.from);
  const result: { from: number; to: number }[] = [];
  for (const { from, to } of sorted) {
    const last = result.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else result.push({ from, to });
  }
  return result;
}

/** What of `spans` lies in `cover`; both are in order, each moment once. */
export function within(spans: readonly Span[], cover: readonly Span[]): Span[] {
  const result: Span[] = [];
  let at = 0;
  for (const span of spans) {
    while (at > 0 && cover[at - 1]!.to > span.from) at -= 1;
    while (at < cover.length && cover[at]!.to <= span.from) at += 1;
    for (let next = at; next < cover.length && cover[next]!.from < span.to; next += 1) {
      const from = Math.max(span.from, cover[next]!.from);
      const to = Math.min(span.to, cover[next]!.to);
      if (to > from) result.push({ from, to });
    }
  }
  return result;
}

/** What of `spans` lies outside `cover`; both are in order, each moment once. */
export function without(spans: readonly Span[], cover: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans) {
    let { from } = span;
    for (const each of cover) {
      if (each.to <= from) continue;
      if (each.from >= span.to) break;
      if (each.from > from) result.push({ from, to: each.from });
      from = Math.max(from, each.to);
    }
    if (from < span.to) result.push({ from, to: span.to });
  }
  return result;
}
