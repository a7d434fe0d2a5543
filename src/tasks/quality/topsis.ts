export type Criterion = {
  /** Above 0; only the proportions count. */
  readonly weight: number;
  /** Whether more is better (a quality) or worse (a cost). */
  readonly better: 'more' | 'less';
};

/**
 * TOPSIS (Hwang and Yoon 1981): each alternative's closeness, 0 to 1, to the best that occurs in
 * every criterion, against the worst. Rows are alternatives, columns criteria. Only comparable
 * values may come in: leave out alternatives that lack one. When all alternatives are equal, each
 * is as close to the best as to the worst: 0.5.
 */
export function topsis(alternatives: readonly (readonly number[])[], criteria: readonly Criterion[]): number[] {
  const weightSum = criteria.reduce((sum, { weight }) => sum + weight, 0);
  const columns = criteria.map(({ weight, better }, column) => {
    const values = alternatives.map((row) => row[column] as number);
    const length = lengthOf(values);
    const weighted = values.map((value) => (length === 0 ? 0 : (weight / weightSum) * (value / length)));
    const least = weighted.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const most = weighted.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    return { weighted, best: better === 'more' ? most : least, worst: better === 'more' ? least : most };
  });
  return alternatives.map((_, row) => {
    const distance = (to: 'best' | 'worst') =>
      lengthOf(columns.map((column) => (column.weighted[row] as number) - column[to]));
    const [toBest, toWorst] = [distance('best'), distance('worst')];
    return toBest + toWorst === 0 ? 0.5 : toWorst / (toBest + toWorst);
  });
}

function lengthOf(values: readonly number[]): number {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
}
