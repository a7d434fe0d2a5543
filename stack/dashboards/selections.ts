// What the variables of the dashboards choose, as matchers.

/** The service’s instances; the receiver counts requests too. */
export const ofService = { job: 'vitrine', instance: '~$instance' } as const;

export const ofModel = { ...ofService, model: '~$model' } as const;

export const ofGpu = { hw_id: '~$gpu' } as const;

export const ofDataset = { dataset: '~$dataset' } as const;

export const ofTenant = { ...ofModel, tenant: '~$tenant' } as const;

/** Answers in which the server is at fault. */
export const atFault = { status: '~5..' } as const;
