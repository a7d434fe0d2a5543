import type { Config } from '../config.ts';

/**
 * The limits of a port, and the settings that raise those which the service and the receiver have
 * each for itself.
 */
export type HttpLimits = Pick<
  Config,
  | 'headersMsMax'
  | 'headerBytesMax'
  | 'keepAliveMs'
  | 'bodyBytesMax'
  | 'bodiesBytesMax'
  | 'parametersBytesMax'
  | 'bodyIdleMsMax'
  | 'bodyMsMax'
  | 'bytesPerSecondMin'
  | 'slowAfterMs'
  | 'clientSharePercent'
> & { readonly raisedBy: RaisedBy };

export type RaisedBy = { readonly bodyBytes: string; readonly bodiesBytes: string; readonly bodyMs: string };

export function serviceLimits(config: Config): HttpLimits {
  return {
    ...config,
    raisedBy: {
      bodyBytes: 'VITRINE_BODY_BYTES_MAX (of requests that are no inference: VITRINE_PARAMETERS_BYTES_MAX)',
      bodiesBytes: 'VITRINE_BODIES_BYTES_MAX',
      bodyMs: 'VITRINE_BODY_MS_MAX',
    },
  };
}

/** Its senders often share one address, so no address has a share of its own. */
export function receiverLimits(config: Config): HttpLimits {
  const { receiverBodyBytesMax, receiverBodyMsMax, receiverRequestsMax } = config;
  return {
    ...config,
    headersMsMax: receiverBodyMsMax,
    bodyBytesMax: receiverBodyBytesMax,
    bodyMsMax: receiverBodyMsMax,
    parametersBytesMax: receiverBodyBytesMax,
    bodiesBytesMax: receiverRequestsMax * receiverBodyBytesMax,
    clientSharePercent: 0,
    raisedBy: {
      bodyBytes: 'VITRINE_RECEIVER_BODY_BYTES_MAX',
      bodiesBytes: 'VITRINE_RECEIVER_REQUESTS_MAX',
      bodyMs: 'VITRINE_RECEIVER_BODY_MS_MAX',
    },
  };
}
