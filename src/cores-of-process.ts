import { availableParallelism } from 'node:os';

let processes = 1;

/** The cores of the machine are shared by so many processes of the service. */
export function shareCores(count: number): void {
  processes = count;
}

/** The cores that this process may count on. */
export function coresOfProcess(): number {
  return Math.max(1, Math.floor(availableParallelism() / processes));
}
