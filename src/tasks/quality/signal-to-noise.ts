/**
 * The signal-to-noise ratio in decibels: the reference's power over the power of what was changed.
 * Infinite when nothing was; undefined when the reference is silent. Fed with pairs of pieces of
 * one length.
 */
export class SignalToNoiseMeter {
  #signal = 0;
  #noise = 0;

  add(reference: Float32Array, degraded: Float32Array): void {
    for (let at = 0; at < reference.length; at += 1) {
      const wanted = reference[at] as number;
      this.#signal += wanted ** 2;
      this.#noise += (wanted - (degraded[at] as number)) ** 2;
    }
  }

  decibels(): number | undefined {
    return this.#signal === 0 ? undefined : 10 * Math.log10(this.#signal / this.#noise);
  }
}

/**
 * The mean of the ratios of short frames (30 ms, overlapping by three quarters). Each is held within
 * −10 and 35 dB, so that neither silence nor perfection outweighs the rest. Silent frames are left
 * out; undefined when all are silent. A sound shorter than a frame is one frame.
 */
export class SegmentalSignalToNoiseMeter {
  readonly #frame: number;
  readonly #hop: number;
  /** What frames to come still need. */
  #reference = new Float32Array();
  #degraded = new Float32Array();
  #sum = 0;
  #frames = 0;
  #isBegun = false;

  constructor(sampleRateHz: number) {
    this.#frame = Math.max(1, Math.round(0.03 * sampleRateHz));
    this.#hop = Math.max(1, Math.round(this.#frame / 4));
  }

  add(reference: Float32Array, degraded: Float32Array): void {
    this.#reference = joined(this.#reference, reference);
    this.#degraded = joined(this.#degraded, degraded);
    let start = 0;
    for (; start + this.#frame <= this.#reference.length; start += this.#hop) this.#take(start, start + this.#frame);
    this.#reference = this.#reference.slice(start);
    this.#degraded = this.#degraded.slice(start);
  }

  /** The result for the whole sound; call it last. */
  decibels(): number | undefined {
    if (!this.#isBegun && this.#reference.length > 0) this.#take(0, this.#reference.length);
    return this.#frames === 0 ? undefined : this.#sum / this.#frames;
  }

  #take(start: number, end: number): void {
    this.#isBegun = true;
    const meter = new SignalToNoiseMeter();
    meter.add(this.#reference.subarray(start, end), this.#degraded.subarray(start, end));
    const ratio = meter.decibels();
    if (ratio === undefined) return;
    this.#sum += Math.min(35, Math.max(-10, ratio));
    this.#frames += 1;
  }
}

export function signalToNoiseDb(reference: Float32Array, degraded: Float32Array): number | undefined {
  const meter = new SignalToNoiseMeter();
  meter.add(...ofOneLength(reference, degraded));
  return meter.decibels();
}

export function segmentalSignalToNoiseDb(
  reference: Float32Array,
  degraded: Float32Array,
  sampleRateHz: number,
): number | undefined {
  const meter = new SegmentalSignalToNoiseMeter(sampleRateHz);
  meter.add(...ofOneLength(reference, degraded));
  return meter.decibels();
}

/** Both, as long as the shorter. */
export function ofOneLength(one: Float32Array, other: Float32Array): [Float32Array, Float32Array] {
  const length = Math.min(one.length, other.length);
  return [one.subarray(0, length), other.subarray(0, length)];
}

function joined(one: Float32Array, other: Float32Array): Float32Array<ArrayBuffer> {
  const both = new Float32Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
