import { probes, streams } from '../../launcher/routes.ts';

// What the variables of the dashboards choose, as matchers.

/** The service’s instances; the receiver counts requests too. */
export const ofService = { job: 'vitrine', instance: '~$instance' } as const;

export const ofModel = { ...ofService, model: '~$model' } as const;

export const ofGpu = { hw_id: '~$gpu' } as const;

export const ofDataset = { dataset: '~$dataset' } as const;

export const ofTenant = { ...ofModel, tenant: '~$tenant' } as const;

export const ofWaiter = { ...ofService, tenant: '~$tenant' } as const;

/** Server failures only: no 4xx, no caller's deadline, no caller who left. */
export const atFault = { fault: 'server' } as const;

/** The requests that a success rate is computed from. */
export const answerable = { fault: '~|server' } as const;

/** Requests of callers: no probes, and no streams that stay open for as long as their job. */
export const ofCallers = { ...ofService, endpoint: `!~${probes}|${streams}` } as const;
