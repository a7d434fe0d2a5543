/** What must hold of one alert: its series, and at which moments which of its kind fire. */
export type RuleCase = {
  name: string;
  alert: string;
  /** Series and their values from minute 0 on, in promtool’s notation. */
  series: Readonly<Record<string, string>>;
  /** Moment → what fires then: all of the alert’s severities and systems, and nothing else. */
  at: Readonly<Record<string, readonly Firing[]>>;
  /** Time between samples and evaluations; a minute unless said. */
  interval?: string;
};

export type Firing = {
  severity: 'critical' | 'warning' | 'info';
  system?: string;
  labels?: Readonly<Record<string, string>>;
  /** The value as the description words it; left out where it does not. */
  says?: string;
};

// Most cases have three phases: well for minutes 0 to 10, in trouble for 15 minutes or as many as
// said, well again until long after.

/** A gauge that leaves its usual value. */
export function gauge(well: number, trouble: number, minutes = 15): string {
  return `${well}x10 ${trouble}x${minutes - 1} ${well}x120`;
}

/** A counter that stands still, then counts so many a minute, then stands still. */
export function burst(aMinute: number, minutes = 15): string {
  return `0x10 ${aMinute}+${aMinute}x${minutes - 1} ${aMinute * minutes}x120`;
}

/** A counter that counts so many at minute 11, once. */
export function once(count = 1): string {
  return `0x10 ${count}x120`;
}
