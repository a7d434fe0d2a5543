/** What a process can ask of its own telemetry. */
export type Telemetry = {
  /** Log records that were new when they were dropped: memory and disk refused them. */
  logsGivenUp(): number;
  /** What is wrong with the disk of the spool, in a sentence. */
  spoolTrouble(): string | undefined;
  /**
   * Settles when every log record made so far is with the Collector, on disk, or counted as dropped;
   * false when the disk refuses some for longer.
   */
  settleLogs(): Promise<boolean>;
  /** Exports the metrics now, besides the interval. */
  exportMetrics(): Promise<void>;
  /**
   * Sends what can be sent before the deadline and leaves the rest in the spool for the next start.
   */
  stop(deadlineMs: number): Promise<void>;
};
