import { mono } from '../../audio/mono.ts';
import { withAudio } from '../../audio/open-audio.ts';
import type { OpenedAudio } from '../../audio/opened-audio.ts';
import { peak } from '../../audio/peak.ts';
import { wholeSoundLimits } from '../../audio/sound-limits.ts';
import type { Config } from '../../config.ts';
import { Phases } from '../phases.ts';
import type { UploadedFile } from '../task-types.ts';
import type { TaskHands } from '../task-work.ts';
import { ClippingMeter } from './clipping.ts';
import { Listener } from './listener.ts';
import type { ListeningScores } from './listening-scores.ts';
import { LoudnessMeter } from './loudness.ts';
import { ReferenceComparison, type ReferenceFigures } from './reference-comparison.ts';
import { SilenceMeter } from './silence.ts';

/**
 * As they are answered. A figure that cannot be had (too short, silent) is null; decibels that
 * would be infinite are held at 120.
 */
export type FileScores = {
  readonly name: string;
  readonly duration_seconds: number;
  readonly sample_rate_hz: number;
  readonly channels: number;
  readonly loudness_lufs: number | null;
  readonly peak_db: number | null;
  readonly clipping_ratio: number;
  readonly silence_ratio: number;
  readonly longest_silence_seconds: number;
  readonly dnsmos: ListeningScores | null;
  readonly against_reference?: ReferenceScores;
};

export type ReferenceScores = {
  readonly snr_db: number | null;
  readonly segmental_snr_db: number | null;
  readonly si_sdr_db: number | null;
  readonly stoi: number | null;
  /** What was compared: the shorter of the two. */
  readonly compared_seconds: number;
};

const decibelsMax = 120;

/**
 * Seconds of the file that are done: those that were listened to, or where nobody listens those
 * that were read.
 */
export type SecondsDone = (seconds: number) => void;

/**
 * One pass through the file, piece by piece, in memory that depends neither on its length nor on
 * its rate and channels.
 */
export async function scoreFile(
  file: UploadedFile,
  reference: UploadedFile | undefined,
  hands: TaskHands,
  done: SecondsDone,
): Promise<FileScores> {
  const limits = wholeSoundLimits(hands.config);
  return await withAudio(file, limits, (audio) =>
    reference
      ? withAudio(reference, limits, (clean) => scoreAudio(file.name, audio, clean, hands, done))
      : scoreAudio(file.name, audio, undefined, hands, done),
  );
}

/**
 * How long the file says that it is, without decoding it; undefined where it does not say. A file
 * that cannot be taken is refused here already.
 */
export async function declaredSeconds(file: UploadedFile, config: Config): Promise<number | undefined> {
  return await withAudio(file, wholeSoundLimits(config), async ({ frames, sampleRateHz }) =>
    frames === undefined ? undefined : frames / sampleRateHz,
  );
}

async function scoreAudio(
  name: string,
  audio: OpenedAudio,
  reference: OpenedAudio | undefined,
  hands: TaskHands,
  done: SecondsDone,
): Promise<FileScores> {
  const { sampleRateHz, channels } = audio;
  const phases = new Phases(hands);
  const signal = new SignalMeters(audio);
  const listener = hands.model && new Listener(sampleRateHz, hands, phases, done);
  await using comparison = reference && new ReferenceComparison(sampleRateHz, reference, phases);
  let frames = 0;
  for await (const planes of phases.timed('audio.decode', audio.pieces())) {
    const single = phases.time('score.signal', () => {
      signal.add(planes);
      return mono(planes);
    });
    frames += single.length;
    await comparison?.add(single);
    if (listener) await listener.add(single);
    else done(frames / sampleRateHz);
  }
  const dnsmos = await listener?.end();
  const against = await comparison?.end();
  const measured = phases.time('score.signal', () => signal.end());
  return {
    name,
    duration_seconds: frames / sampleRateHz,
    sample_rate_hz: sampleRateHz,
    channels,
    ...measured,
    dnsmos: dnsmos ?? null,
    ...(against && { against_reference: answered(against) }),
  };
}

/** What is measured of the samples themselves. */
class SignalMeters {
  readonly #loudness: LoudnessMeter;
  readonly #silence: SilenceMeter;
  readonly #clipping = new ClippingMeter();
  #peak = 0;

  constructor({ sampleRateHz, channels }: OpenedAudio) {
    this.#loudness = new LoudnessMeter(sampleRateHz, channels);
    this.#silence = new SilenceMeter(sampleRateHz);
  }

  add(channels: readonly Float32Array[]): void {
    this.#loudness.add(channels);
    this.#silence.add(channels);
    this.#clipping.add(channels);
    this.#peak = Math.max(this.#peak, peak(channels));
  }

  end() {
    const quiet = this.#silence.end();
    return {
      loudness_lufs: this.#loudness.integratedLufs() ?? null,
      peak_db: bounded(20 * Math.log10(this.#peak)),
      clipping_ratio: this.#clipping.end().ratio,
      silence_ratio: quiet.ratio,
      longest_silence_seconds: quiet.longestSeconds,
    };
  }
}

function answered({ snrDb, segmentalSnrDb, siSdrDb, stoi, comparedSeconds }: ReferenceFigures): ReferenceScores {
  return {
    snr_db: bounded(snrDb),
    segmental_snr_db: bounded(segmentalSnrDb),
    si_sdr_db: bounded(siSdrDb),
    stoi: stoi ?? null,
    compared_seconds: comparedSeconds,
  };
}

function bounded(decibels: number | undefined): number | null {
  if (decibels === undefined || Number.isNaN(decibels) || decibels === Number.NEGATIVE_INFINITY) return null;
  return Math.min(decibelsMax, decibels);
}
