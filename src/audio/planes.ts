/** Samples of all channels, one array each. */
export type Planes = readonly Float32Array[];
