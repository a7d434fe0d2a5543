import type { blameMatrixAnswer } from '../../src/api/requests/blame-matrix-answer.ts';
import { askService, type ServiceOptions } from '../ask-service.ts';

export type BlameOptions = ServiceOptions & {
  readonly minutes: string;
  readonly by: string;
  readonly json?: boolean;
};

/** Prints who made whom wait. */
export async function blame(options: BlameOptions): Promise<number> {
  const query = new URLSearchParams({ minutes: options.minutes, by: options.by });
  const answer = (await askService(`/v1/blame?${query}`, options)) as ReturnType<typeof blameMatrixAnswer>;
  process.stdout.write(options.json === true ? `${JSON.stringify(answer, null, 2)}\n` : printBlame(answer));
  return 0;
}

export function printBlame({ by, requests, waited_ms, cells }: ReturnType<typeof blameMatrixAnswer>): string {
  const head = `${requests} requests waited ${(waited_ms / 1000).toFixed(2)} s for lanes, by ${by}:`;
  const lines = cells.map(
    ({ waiter, holder, ms }) => `  ${(ms / 1000).toFixed(2).padStart(9)} s  ${waiter} waited for ${holder}`,
  );
  return [head, ...lines, ''].join('\n');
}
