/** The way to a thread or a process of ours, by what may be sent to it. */
export type Port<Sent> = {
  /** `thread-3`, `process-4711`. */
  readonly name: string;
  /** `transfer`: buffers that change hands where it is a thread. A process gets copies. */
  send(message: Sent, transfer?: readonly ArrayBuffer[]): void;
};

export type PortListener<Received> = {
  received(message: Received): void;
  /**
   * A line that a process, or native code in it, wrote to stderr. Threads share the service's own.
   */
  said?(line: string): void;
  /** It is gone, asked for or not: `how` in words, and what it threw. */
  ended(how: string, cause?: Error): void;
};
