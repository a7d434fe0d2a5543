import type { ServerSource } from './server-source.ts';

/** What a start shows while it gets a server. */
export type ServerProgress =
  | { phase: 'waiting'; elapsedMs: number } // Another process gets the same; its result will be used.
  | { phase: 'fetching'; elapsedMs: number; bytes: number; bytesMax: number | undefined }
  | { phase: 'refused'; elapsedMs: number; why: string } // One way is closed; the next is tried.
  | { phase: 'downloading'; elapsedMs: number; modules: number }
  | { phase: 'compiling'; elapsedMs: number; packages: number; packagesMax: number } // What the compile cache has is not counted.
  | { phase: 'done'; elapsedMs: number; found: ServerSource | undefined }; // Undefined: it was there.

/** What each way of getting a server is given; it fills the folder `aside`. */
export type ServerContext = {
  onProgress: (progress: ServerProgress) => void;
  signal: AbortSignal | undefined;
  env: NodeJS.ProcessEnv;
  root: string;
  elapsedMs: () => number;
  aside: string;
};
