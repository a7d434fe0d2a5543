import type { Shim } from '../gpu/shim.ts';
import type { ServiceProcess } from '../service-process.ts';
import type { Stack } from '../stack.ts';

/**
 * What a fault is caused on: a whole stack whose time runs faster, and a second instance with the
 * GPU shim, a small disk and small limits.
 */
export type Ground = {
  stack: Stack;
  /** The service of the stack. */
  url: string;
  second: ServiceProcess;
  shim: Shim | undefined;
  /** The file system that the second instance writes to, where one could be mounted. */
  smallDisk: { path: string; bytes: number } | undefined;
  infer(model: string, inputs: readonly Input[], parameters?: Record<string, unknown>): Promise<Response>;
};

export type Input = { name: string; datatype: string; shape: readonly number[]; data: readonly (number | bigint)[] };

/**
 * An alert as a fault expects it: its name, and the labels that identify it.
 */
export type Expected = { alert: string; severity?: string; labels?: Readonly<Record<string, string>> };

export type Fault = {
  name: string;
  /** What is done, for a person who causes it as a drill. */
  says: string;
  /** What must fire, and be delivered. */
  raises: readonly Expected[];
  /** What follows from it and may fire with it, depending on how long it lasts. */
  mayRaise?: readonly Expected[];
  /** A reason why it cannot be caused here. */
  unavailable?: (ground: Ground) => string | undefined;
  /** False where Alertmanager itself, or its source, is down. */
  delivered?: boolean;
  /** Begins it; answers what ends it. */
  cause(ground: Ground): Promise<() => Promise<void>>;
};
