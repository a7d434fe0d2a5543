/** The three kinds of telemetry, by the words OTLP uses. */
export const signals = ['traces', 'metrics', 'logs'] as const;
export type Signal = (typeof signals)[number];
