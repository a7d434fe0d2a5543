import type { Audio } from '../../audio/audio.ts';

export type Silence = {
  /** Of the whole length. */
  readonly ratio: number;
  readonly leadingSeconds: number;
  readonly trailingSeconds: number;
  readonly longestSeconds: number;
};

const frameSeconds = 0.02;

/**
 * Where all channels together stay below a level (root mean square, dB of full scale), in frames of
 * 20 ms. Fed piece by piece.
 */
export class SilenceMeter {
  readonly #sampleRateHz: number;
  readonly #frameSamples: number;
  readonly #powerMax: number;
  /** The frame that has begun: its samples so far, and their power in all channels. */
  #filled = 0;
  #power = 0;
  #channels = 1;
  #length = 0;
  #silent = 0;
  #run = 0;
  #longest = 0;
  #leading: number | undefined;

  constructor(sampleRateHz: number, thresholdDb = -60) {
    this.#sampleRateHz = sampleRateHz;
    this.#frameSamples = Math.max(1, Math.round(frameSeconds * sampleRateHz));
    this.#powerMax = 10 ** (thresholdDb / 10);
  }

  add(channels: readonly Float32Array[]): void {
    const length = channels[0]?.length ?? 0;
    this.#channels = channels.length;
    for (let start = 0; start < length; ) {
      const end = Math.min(length, start + this.#frameSamples - this.#filled);
      for (const samples of channels)
        for (let at = start; at < end; at += 1) this.#power += (samples[at] as number) ** 2;
      this.#filled += end - start;
      start = end;
      if (this.#filled === this.#frameSamples) this.#endFrame();
    }
  }

  /** The result for the whole sound; call it last. */
  end(): Silence {
    if (this.#filled > 0) this.#endFrame();
    const seconds = (samples: number) => samples / this.#sampleRateHz;
    return {
      ratio: this.#length === 0 ? 1 : this.#silent / this.#length,
      leadingSeconds: seconds(this.#leading ?? this.#run),
      trailingSeconds: seconds(this.#run),
      longestSeconds: seconds(this.#longest),
    };
  }

  #endFrame(): void {
    if (this.#power / (this.#channels * this.#filled) < this.#powerMax) {
      this.#silent += this.#filled;
      this.#run += this.#filled;
      this.#longest = Math.max(this.#longest, this.#run);
    } else {
      this.#leading ??= this.#run;
      this.#run = 0;
    }
    this.#length += this.#filled;
    this.#filled = 0;
    this.#power = 0;
  }
}

export function silence({ channels, sampleRateHz }: Audio, thresholdDb?: number): Silence {
  const meter = new SilenceMeter(sampleRateHz, thresholdDb);
  meter.add(channels);
  return meter.end();
}
