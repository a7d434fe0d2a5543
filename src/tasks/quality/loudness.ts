/**
 * Integrated loudness by ITU-R BS.1770-4, in LUFS: K-weighted power in blocks of 400 ms that overlap
 * by three quarters. Blocks below −70 LUFS, and blocks more than 10 LU below the mean of the rest,
 * are left out. Takes pieces; keeps ten numbers a second.
 */
export class LoudnessMeter {
  readonly #stepSamples: number;
  readonly #weights: readonly number[];
  readonly #filters: readonly KWeighting[];
  /** Weighted power of each whole step of 100 ms; a block is four in a row. */
  readonly #steps: number[] = [];
  #power = 0;
  #samples = 0;

  constructor(sampleRateHz: number, channels: number) {
    this.#stepSamples = Math.round(sampleRateHz / 10);
    this.#filters = Array.from({ length: channels }, () => new KWeighting(sampleRateHz));
    // Left, right, centre, low-frequency effects (not heard), and the surround channels, which are
    // heard as louder.
    const surround = [1, 1, 1, 0, 1.41, 1.41];
    this.#weights = Array.from({ length: channels }, (_, channel) => (channels === 6 ? (surround[channel] ?? 1) : 1));
  }

  add(channels: readonly Float32Array[]): void {
    const length = channels[0]?.length ?? 0;
    for (let at = 0; at < length; at += 1) {
      for (let channel = 0; channel < this.#filters.length; channel += 1) {
        const weighted = (this.#filters[channel] as KWeighting).next(channels[channel]?.[at] ?? 0);
        this.#power += (this.#weights[channel] as number) * weighted * weighted;
      }
      this.#samples += 1;
      if (this.#samples < this.#stepSamples) continue;
      this.#steps.push(this.#power / this.#stepSamples);
      this.#power = 0;
      this.#samples = 0;
    }
  }

  /** Undefined while there is less than 400 ms of sound, or none above the gate. */
  integratedLufs(): number | undefined {
    const blocks: number[] = [];
    for (let at = 3; at < this.#steps.length; at += 1) {
      blocks.push(this.#steps.slice(at - 3, at + 1).reduce((sum, power) => sum + power, 0) / 4);
    }
    const audible = blocks.filter((power) => lufs(power) > -70);
    if (audible.length === 0) return undefined;
    const gate = lufs(mean(audible)) - 10;
    return lufs(mean(audible.filter((power) => lufs(power) > gate)));
  }
}

/**
 * The standard's two filters, a high shelf for the head and a high pass, designed for any rate from
 * their analogue figures.
 */
class KWeighting {
  readonly #shelf: Biquad;
  readonly #highPass: Biquad;

  constructor(sampleRateHz: number) {
    {
      const k = Math.tan((Math.PI * 1681.974450955533) / sampleRateHz);
      const q = 0.7071752369554196;
      const high = 10 ** (3.999843853973347 / 20);
      const band = high ** 0.4996667741545416;
      const a0 = 1 + k / q + k * k;
      this.#shelf = new Biquad(
        [(high + (band * k) / q + k * k) / a0, (2 * (k * k - high)) / a0, (high - (band * k) / q + k * k) / a0],
        [(2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0],
      );
    }
    {
      const k = Math.tan((Math.PI * 38.13547087602444) / sampleRateHz);
      const q = 0.5003270373238773;
      const a0 = 1 + k / q + k * k;
      this.#highPass = new Biquad([1, -2, 1], [(2 * (k * k - 1)) / a0, (1 - k / q + k * k) / a0]);
    }
  }

  next(sample: number): number {
    return this.#highPass.next(this.#shelf.next(sample));
  }
}

/** A second-order section, transposed direct form II. */
class Biquad {
  readonly #b: readonly [number, number, number];
  readonly #a: readonly [number, number];
  #first = 0;
  #second = 0;

  constructor(b: readonly [number, number, number], a: readonly [number, number]) {
    this.#b = b;
    this.#a = a;
  }

  next(x: number): number {
    const y = this.#b[0] * x + this.#first;
    this.#first = this.#b[1] * x - this.#a[0] * y + this.#second;
    this.#second = this.#b[2] * x - this.#a[1] * y;
    return y;
  }
}

function lufs(power: number): number {
  return -0.691 + 10 * Math.log10(power);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
