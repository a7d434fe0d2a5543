import { peak } from '../../audio/peak.ts';
import type { OutputDefect } from '../task-work.ts';
import { clipping, fullScale } from './clipping.ts';
import { silence } from './silence.ts';

/**
 * What is wrong with a sound that a model made: nothing in it, cut off at full scale, or no
 * numbers. Fed piece by piece.
 */
export class DefectsMeter {
  readonly #sampleRateHz: number;
  #isSilent = true;
  #isClipped = false;
  #isFinite = true;

  constructor(sampleRateHz: number) {
    this.#sampleRateHz = sampleRateHz;
  }

  add(channels: readonly Float32Array[]): void {
    const most = peak(channels);
    this.#isFinite &&= Number.isFinite(most);
    this.#isSilent &&= silence({ channels, sampleRateHz: this.#sampleRateHz }).ratio === 1;
    // Most sounds never come near full scale.
    if (!(most < fullScale)) this.#isClipped ||= clipping(channels).samples > 0;
  }

  /** How many of several outputs have each. */
  static together(meters: readonly DefectsMeter[]): Record<OutputDefect, number> {
    const count = (has: (meter: DefectsMeter) => boolean) => meters.filter(has).length;
    return {
      silence: count((meter) => meter.#isSilent),
      clipping: count((meter) => meter.#isClipped),
      not_finite: count((meter) => !meter.#isFinite),
    };
  }
}

export function defectsOf(channels: readonly Float32Array[], sampleRateHz: number): Record<OutputDefect, number> {
  const meter = new DefectsMeter(sampleRateHz);
  meter.add(channels);
  return DefectsMeter.together([meter]);
}
