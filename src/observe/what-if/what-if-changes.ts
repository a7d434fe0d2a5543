/** What is tried; what is undefined stays as it is. */
export type WhatIfChanges = {
  readonly lanes?: number | undefined;
  readonly rowsMax?: number | undefined;
  readonly delayUs?: number | undefined;
  readonly queueInputsMax?: number | undefined;
  readonly queueBytesMax?: number | undefined;
  /** As many services, between which a balancer shares out the arrivals. */
  readonly replicas?: number | undefined;
  readonly withoutTenant?: string | undefined;
  /** 2: twice as many arrivals. */
  readonly load?: number | undefined;
};
