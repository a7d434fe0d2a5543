import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { apart } from './apart.ts';

export type EngineApart = {
  readonly child: ChildProcessByStdio<Writable, Readable, null>;
  readonly ended: Promise<unknown>;
  readonly folder: string;
  /** What its container answers at the published port. */
  readonly answer: string;
};

/** An engine with a container that answers `text`, in namespaces of its own. */
export function startEngineApart(archive: string, text: string): Promise<EngineApart> {
  return startEngine([...apart, ...engineCommand(archive, text)]);
}

export async function startEngine([program = '', ...parameters]: readonly string[]): Promise<EngineApart> {
  const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  let folder = '';
  for await (const line of createInterface(child.stdout)) {
    if (line.startsWith('folder ')) folder = line.slice(7);
    if (line.startsWith('answered ')) return { child, ended, folder, answer: line.slice(9) };
  }
  throw new Error('The engine has ended');
}

export function engineCommand(archive: string, text: string): string[] {
  return [process.execPath, join(import.meta.dirname, 'run-engine.ts'), archive, 'busybox:1.37.0-musl', '8000', text];
}
