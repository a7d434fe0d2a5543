// Routes that rules and panels leave out, by the label `endpoint`.

/** Asked by orchestrators: answered 503 while a service starts, which rejects no caller. */
export const probes = '/ready|/live|/health.*|/v2/health.*';

/** Open for as long as the job they follow: their duration is no waiting time. */
export const streams = '/v1/jobs/:id/events';
