import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DatasetReport } from '../src/datasets/dataset-report.ts';
import { bareEnvironment } from './bare-environment.ts';

const program = fileURLToPath(new URL('../cli/command-line.ts', import.meta.url));

export type DatasetCommand = {
  readonly child: ChildProcess;
  /** What stood on both outputs so far. */
  said(): string;
  ended(): Promise<{ code: number | null; summary: Omit<DatasetReport, 'rows'> & { reports: string[] } }>;
};

/** `vitrine dataset …` in a process of its own, with --json. */
export function datasetCommand(given: readonly string[], env: Record<string, string>): DatasetCommand {
  const child = spawn(process.execPath, [program, 'dataset', ...given, '--json'], {
    env: { ...bareEnvironment, OTEL_SDK_DISABLED: 'true', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (text) => (output += text));
  child.stderr.on('data', (text) => (errors += text));
  const closed = once(child, 'close');
  return {
    child,
    said: () => output + errors,
    ended: async () => {
      const [code] = (await closed) as [number | null];
      try {
        return { code, summary: JSON.parse(output) };
      } catch (cause) {
        throw new Error(`The command ended with ${code}: ${output}${errors}`, { cause });
      }
    },
  };
}
