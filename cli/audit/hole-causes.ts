import type { DropReason } from '../../src/telemetry/export/ledger.ts';

/** Why something is missing, in words: the closed list of an audit. */
export const holeCauses = {
  memory_full: 'the process dropped it: its memory for telemetry was full (VITRINE_TELEMETRY_MEMORY_ITEMS_MAX)',
  spool_full: 'the process dropped it: its spool was full (VITRINE_SPOOL_BYTES_MAX)',
  spool_too_old: 'the process dropped it: it had waited too long in the spool (VITRINE_SPOOL_AGE_MS_MAX)',
  spool_unwritable: 'the process dropped it: the spool could not be written',
  spool_unreadable: 'the process dropped it: a file of the spool could not be read',
  too_large: 'the process dropped it: one item was larger than a request may be',
  refused: 'the Collector refused it for good; its log says why',
  unaccounted: 'the ledger of the process does not balance: a defect',
  left_on_disk: 'it waits in the spool of a process that is not heard; start it again with its data folder',
  collector_dropped: 'the Collector gave it up: a filter, or a store that refused it; its log says why',
  collector_lost: 'the Collector took it and did not pass it on',
  collector_ended: 'the Collector ended meanwhile, with what was in its memory or queue',
  store_discarded: 'the store discarded it; its log says why',
  store_emptied: 'the store has nothing of that time: it was started empty, or its data was deleted',
  store_lost: 'the store acknowledged it and does not have it: deleted or lost there',
  behind_service: 'the process exported it; the Collector and the store have both ended since, and one of them lost it',
  ledger_lost:
    'lines are stored of a process without a ledger: it ended before its first export, or the store of metrics lost it',
  never_taken: 'it was acknowledged, and the Collector did not count it',
  job_lost: 'the job was accepted, no end was recorded, and the service does not know it',
  job_ended_twice: 'the job ended more than once',
  uncharged: 'it was used, and no tenant was charged',
  overcharged: 'tenants were charged more than was used',
} as const satisfies Record<DropReason | string, string>;

export type HoleCause = keyof typeof holeCauses;
