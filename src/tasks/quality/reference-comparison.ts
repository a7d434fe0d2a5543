import { mono } from '../../audio/mono.ts';
import type { OpenedAudio } from '../../audio/opened-audio.ts';
import type { Planes } from '../../audio/planes.ts';
import { StreamResampler } from '../../audio/resample.ts';
import type { Phases } from '../phases.ts';
import { IntelligibilityMeter } from './intelligibility.ts';
import { ScaleInvariantDistortionMeter } from './scale-invariant-distortion.ts';
import { SegmentalSignalToNoiseMeter, SignalToNoiseMeter } from './signal-to-noise.ts';

/** Undefined where a figure cannot be had. `comparedSeconds`: the shorter of the two. */
export type ReferenceFigures = {
  readonly snrDb: number | undefined;
  readonly segmentalSnrDb: number | undefined;
  readonly siSdrDb: number | undefined;
  readonly stoi: number | undefined;
  readonly comparedSeconds: number;
};

/**
 * Degraded against clean, at the clean one's rate: the one is fed piece by piece, the other is read
 * as far as it has come.
 */
export class ReferenceComparison implements AsyncDisposable {
  readonly #rateHz: number;
  readonly #resampler: StreamResampler;
  readonly #pieces: AsyncGenerator<Planes>;
  readonly #phases: Phases;
  readonly #snr = new SignalToNoiseMeter();
  readonly #segmental: SegmentalSignalToNoiseMeter;
  readonly #distortion = new ScaleInvariantDistortionMeter();
  readonly #intelligibility: IntelligibilityMeter;
  /** Clean samples that were read and have no partner yet. */
  #clean = new Float32Array();
  #isOver = false;
  #compared = 0;

  constructor(degradedHz: number, clean: OpenedAudio, phases: Phases) {
    this.#rateHz = clean.sampleRateHz;
    this.#resampler = new StreamResampler(degradedHz, clean.sampleRateHz);
    this.#pieces = phases.timed('audio.decode', clean.pieces());
    this.#phases = phases;
    this.#segmental = new SegmentalSignalToNoiseMeter(clean.sampleRateHz);
    this.#intelligibility = new IntelligibilityMeter(clean.sampleRateHz);
  }

  async add(degraded: Float32Array): Promise<void> {
    await this.#compare(this.#phases.time('audio.resample', () => this.#resampler.next(degraded)));
  }

  /**
   * The result for the whole sound; call it last. The reference is read to its end, so that one that
   * is damaged there is refused.
   */
  async end(): Promise<ReferenceFigures> {
    await this.#compare(this.#phases.time('audio.resample', () => this.#resampler.end()));
    while (!this.#isOver) await this.#read();
    return this.#phases.time('score.reference', () => ({
      snrDb: this.#snr.decibels(),
      segmentalSnrDb: this.#segmental.decibels(),
      siSdrDb: this.#distortion.decibels(),
      stoi: this.#intelligibility.end(),
      comparedSeconds: this.#compared / this.#rateHz,
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pieces.return(undefined);
  }

  async #compare(degraded: Float32Array): Promise<void> {
    for (let at = 0; at < degraded.length; ) {
      if (this.#clean.length === 0) {
        if (this.#isOver) return;
        await this.#read();
        continue;
      }
      const length = Math.min(this.#clean.length, degraded.length - at);
      const [clean, other] = [this.#clean.subarray(0, length), degraded.subarray(at, at + length)];
      this.#phases.time('score.reference', () => {
        this.#snr.add(clean, other);
        this.#segmental.add(clean, other);
        this.#distortion.add(clean, other);
        this.#intelligibility.add(clean, other);
      });
      this.#compared += length;
      this.#clean = this.#clean.subarray(length);
      at += length;
    }
  }

  async #read(): Promise<void> {
    const { value, done } = await this.#pieces.next();
    this.#clean = done ? new Float32Array() : (mono(value) as Float32Array<ArrayBuffer>);
    this.#isOver = done === true;
  }
}
