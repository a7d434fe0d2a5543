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

/**
 * How much of the sound is cut off at full scale: runs of at least three samples at or beyond it,
 * all of one sign. Fed piece by piece.
 */
export class ClippingMeter {
  readonly #runs: { samples: number; side: number }[] = [];
  #clipped = 0;
  #longest = 0;
  #total = 0;

  add(channels: readonly Float32Array[]): void {
    channels.forEach((samples, channel) => {
      this.#total += samples.length;
      this.#runs[channel] ??= { samples: 0, side: 0 };
      const run = this.#runs[channel];
      for (let at = 0; at < samples.length; at += 1) {
        const sample = samples[at] as number;
        const side = sample >= fullScale ? 1 : sample <= -fullScale ? -1 : 0;
        if (side !== run.side) {
          if (run.side !== 0) this.#end(run.samples);
          run.samples = 0;
          run.side = side;
        }
        if (side !== 0) run.samples += 1;
      }
    });
  }

  /** The result for the whole sound; call it last. */
  end(): Clipping {
    for (const run of this.#runs.splice(0)) this.#end(run.samples);
    return {
      samples: this.#clipped,
      ratio: this.#total === 0 ? 0 : this.#clipped / this.#total,
      longestRunSamples: this.#longest,
    };
  }

  #end(samples: number): void {
    if (samples < runSamplesMin) return;
    this.#clipped += samples;
    this.#longest = Math.max(this.#longest, samples);
  }
}

export function clipping(channels: readonly Float32Array[]): Clipping {
  const meter = new ClippingMeter();
  meter.add(channels);
  return meter.end();
}
