import type { Word } from './panel.ts';

// What the numbers of metrics mean that stand for a state.

export const breakerWords: readonly Word[] = [
  { is: 0, text: 'closed', color: 'green' },
  { is: 1, text: 'half-open', color: 'orange' },
  { is: 2, text: 'open', color: 'red' },
];

export const heldWords: readonly Word[] = [
  { is: 0, text: 'free', color: 'green' },
  { is: 1, text: 'held', color: 'red' },
];

/** By the numbers that `modelStates` gives. */
export const modelWords: readonly Word[] = [
  { is: 1, text: 'ready', color: 'green' },
  { is: 2, text: 'loading', color: 'blue' },
  { is: 3, text: 'unloading', color: 'orange' },
  { is: 4, text: 'unavailable', color: 'red' },
];

export const upWords: readonly Word[] = [
  { is: 0, text: 'down', color: 'red' },
  { is: 1, text: 'up', color: 'green' },
];
