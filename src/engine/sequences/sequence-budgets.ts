import type { Config } from '../../config.ts';
import { SharedBudget } from '../../resilience/shared-budget.ts';

/** How many sequences there may be, and how large what they remember; clients share both. */
export type SequenceBudgets = { readonly count: SharedBudget; readonly bytes: SharedBudget };

export type SequenceLimits = Pick<Config, 'sequencesMax' | 'sequenceBytesMax' | 'clientSharePercent'>;

export function makeSequenceBudgets(limits: SequenceLimits): SequenceBudgets {
  const { sequencesMax, sequenceBytesMax, clientSharePercent: sharePercent } = limits;
  const common = { sharePercent, cannot: 'Cannot go on with the sequence', remedy: 'end other sequences' };
  return {
    count: new SharedBudget({
      ...common,
      name: 'sequences',
      max: sequencesMax,
      largest: 1,
      cannot: 'Cannot begin the sequence',
      held: (count) => `${count} sequences are open`,
      setting: 'VITRINE_SEQUENCES_MAX',
    }),
    bytes: new SharedBudget({
      ...common,
      name: 'sequence_states',
      max: sequenceBytesMax,
      largest: 1,
      held: (bytes) => `the states of sequences take ${bytes} of ${sequenceBytesMax} bytes`,
      setting: 'VITRINE_SEQUENCE_BYTES_MAX',
    }),
  };
}
