import type { Audio } from '../audio/audio.ts';
import { mono } from '../audio/mono.ts';
import { resample } from '../audio/resample.ts';
import type { TaskHands } from '../task-work.ts';
import { clipping } from './clipping.ts';
import { shortTimeIntelligibility } from './intelligibility.ts';
import { type ListeningScores, listening, listeningScores, listeningWindows } from './listening-scores.ts';
import { LoudnessMeter } from './loudness.ts';
import { scaleInvariantDistortionDb } from './scale-invariant-distortion.ts';
import { segmentalSignalToNoiseDb, signalToNoiseDb } from './signal-to-noise.ts';
import { silence } from './silence.ts';

/** As they are answered. A figure that cannot be had (too short, silent) is null; decibels that would be infinite are held at 120. */
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

/** Rows in one call of DNSMOS, nine seconds each: as many as its manifest runs at once. */
const windowsPerCall = 2;
const decibelsMax = 120;

export async function scoreFile(
  name: string,
  audio: Audio,
  reference: Audio | undefined,
  hands: TaskHands,
): Promise<FileScores> {
  const { sampleRateHz, channels } = audio;
  const single = mono(audio);
  const quiet = silence(audio);
  const loudness = await hands.step('score.signal', () => {
    const meter = new LoudnessMeter(sampleRateHz, channels.length);
    meter.add(channels);
    return meter.integratedLufs();
  });
  return {
    name,
    duration_seconds: single.length / sampleRateHz,
    sample_rate_hz: sampleRateHz,
    channels: channels.length,
    loudness_lufs: loudness ?? null,
    peak_db: bounded(20 * Math.log10(peakOf(channels))),
    clipping_ratio: clipping(channels).ratio,
    silence_ratio: quiet.ratio,
    longest_silence_seconds: quiet.longestSeconds,
    dnsmos: hands.model ? await listen(single, sampleRateHz, hands) : null,
    ...(reference && {
      against_reference: await hands.step('score.reference', () => compare(single, sampleRateHz, reference)),
    }),
  };
}

/** Degraded against clean, at the clean one's rate. */
function compare(degraded: Float32Array, degradedHz: number, reference: Audio): ReferenceScores {
  const rate = reference.sampleRateHz;
  const clean = mono(reference);
  const other = resample(degraded, degradedHz, rate);
  return {
    snr_db: bounded(signalToNoiseDb(clean, other)),
    segmental_snr_db: bounded(segmentalSignalToNoiseDb(clean, other, rate)),
    si_sdr_db: bounded(scaleInvariantDistortionDb(clean, other)),
    stoi: shortTimeIntelligibility(clean, other, rate) ?? null,
    compared_seconds: Math.min(clean.length, other.length) / rate,
  };
}

async function listen(
  samples: Float32Array,
  sampleRateHz: number,
  { infer, model, step }: TaskHands,
): Promise<ListeningScores | null> {
  const heard = await step('audio.resample', () => resample(samples, sampleRateHz, listening.sampleRateHz));
  const rows: number[][] = [];
  const input = model?.inputs[0]?.name ?? '';
  const run = async (windows: readonly Float32Array[]) => {
    const data = new Float32Array(windows.length * listening.windowSamples);
    windows.forEach((window, at) => {
      data.set(window, at * listening.windowSamples);
    });
    const [answer] = await infer([
      { name: input, datatype: 'FP32', shape: [windows.length, listening.windowSamples], data },
    ]);
    const values = answer?.data as Float32Array;
    for (let row = 0; row < windows.length; row += 1) rows.push([...values.subarray(row * 3, row * 3 + 3)]);
  };
  let waiting: Float32Array[] = [];
  for (const window of listeningWindows(heard)) {
    waiting.push(window);
    if (waiting.length < windowsPerCall) continue;
    await run(waiting);
    waiting = [];
  }
  if (waiting.length > 0) await run(waiting);
  return listeningScores(rows) ?? null;
}

function peakOf(channels: readonly Float32Array[]): number {
  let most = 0;
  for (const samples of channels) for (const sample of samples) most = Math.max(most, Math.abs(sample));
  return most;
}

function bounded(decibels: number | undefined): number | null {
  if (decibels === undefined || Number.isNaN(decibels) || decibels === Number.NEGATIVE_INFINITY) return null;
  return Math.min(decibelsMax, decibels);
}
