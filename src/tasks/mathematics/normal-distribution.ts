/**
 * The value below which a normal variable lies with this probability: bisection on the distribution
 * itself, to the last digit of use.
 */
export function inverseNormal(probability: number): number {
  if (!(probability > 0 && probability < 1))
    throw new RangeError(`Cannot find the quantile of ${probability}: it must lie between 0 and 1.`);
  let low = -10;
  let high = 10;
  while (high - low > 1e-13) {
    const middle = (low + high) / 2;
    if (normal(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The probability that a normal variable lies below a value. */
export function normal(value: number): number {
  return value < 0 ? upperTail(-value) : 1 - upperTail(value);
}

/** For two normal variables with a correlation: the probability that both lie above a level. */
export function bothAbove(level: number, correlation: number): number {
  const alone = 1 - normal(level);
  // Its derivative by the correlation is known (Plackett); the substitution r = sin θ takes away the
  // root at the end.
  const end = Math.asin(Math.min(1, Math.max(-1, correlation)));
  const derivative = (angle: number) => Math.exp(-(level ** 2) / (1 + Math.sin(angle)));
  return alone ** 2 + simpson(derivative, end) / (2 * Math.PI);
}

/** By the series near the middle and a continued fraction in the tail. */
function upperTail(value: number): number {
  const density = Math.exp(-(value ** 2) / 2) / Math.sqrt(2 * Math.PI);
  if (value < 3) {
    let sum = value;
    let term = value;
    for (let n = 1; Math.abs(term) > 1e-17; n += 1) {
      term *= value ** 2 / (2 * n + 1);
      sum += term;
    }
    return 0.5 - density * sum;
  }
  let fraction = value;
  for (let n = 60; n >= 1; n -= 1) fraction = value + n / fraction;
  return density / fraction;
}

function simpson(of: (x: number) => number, end: number): number {
  const parts = 64;
  const step = end / parts;
  let sum = of(0) + of(end);
  for (let n = 1; n < parts; n += 1) sum += (n % 2 === 0 ? 2 : 4) * of(n * step);
  return (sum * step) / 3;
}
