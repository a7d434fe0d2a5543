import type { Metric } from './metric.ts';

/** Several processes of the service on one machine (VITRINE_PROCESSES). */
export const processMetrics = {
  processesReady: {
    name: 'vitrine.processes.ready',
    kind: 'gauge',
    unit: '{process}',
    says: 'Processes of this service that take work, as this one knows; add up the most of each service, not the sum.',
    attributes: [],
  },
  processRestarts: {
    name: 'vitrine.process.restarts',
    kind: 'counter',
    unit: '{restart}',
    says: 'How often this process was started again since its service started, by request or after it died.',
    attributes: [],
  },
  quotaLeases: {
    name: 'vitrine.quota.leases',
    kind: 'counter',
    unit: '{lease}',
    says: 'How often this process asked for a part of a client’s quota, which processes or replicas share, by result: granted, used_up, unanswered; local: the database of all replicas was silent, and its fair part was granted here.',
    attributes: ['status'],
  },
} as const satisfies Record<string, Metric>;
