/** Decoded sound: one array a channel, all of one length, full scale at ±1. */
export type Audio = {
  readonly sampleRateHz: number;
  readonly channels: readonly Float32Array[];
};
