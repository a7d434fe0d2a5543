export type Clipping = {
  /** Samples in runs at full scale. */
  readonly samples: number;
  /** Of all samples. */
  readonly ratio: number;
  readonly longestRunSamples: number;
};

export const fullScale = 0.999;
/** One sample at full scale may be a true peak; a flat top of three is not. */
const runSamplesMin = 3;

/** How much of the sound is cut off at full scale: runs of at least three samples at or beyond it, all of one sign. */
export function clipping(channels: readonly Float32Array[]): Clipping {
  let clipped = 0;
  let longest = 0;
  let total = 0;
  for (const samples of channels) {
    total += samples.length;
    let run = 0;
    let sign = 0;
    const end = () => {
      if (run >= runSamplesMin) {
        clipped += run;
        longest = Math.max(longest, run);
      }
      run = 0;
    };
    for (const sample of samples) {
      const side = sample >= fullScale ? 1 : sample <= -fullScale ? -1 : 0;
      if (side !== sign) end();
      if (side !== 0) run += 1;
      sign = side;
    }
    end();
  }
  return { samples: clipped, ratio: total === 0 ? 0 : clipped / total, longestRunSamples: longest };
}
