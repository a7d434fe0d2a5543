import { mono } from '../../audio/mono.ts';
import { withAudio } from '../../audio/open-audio.ts';
import type { OpenedAudio } from '../../audio/opened-audio.ts';
import { StreamResampler } from '../../audio/resample.ts';
import { wholeSoundLimits } from '../../audio/sound-limits.ts';
import { Phases } from '../phases.ts';
import { onlyFile } from '../task-files.ts';
import type { ParametersOf } from '../task-parameters.ts';
import type { TaskHands, TaskWork } from '../task-work.ts';
import { writeFacts } from '../write-facts.ts';
import { segmentRules, speechSegments } from './speech-segments.ts';
import { type VoiceRows, VoiceWindows, voice } from './voice-windows.ts';

/**
 * Where there is speech in a sound: windows of 32 ms through the voice model, its state going from
 * call to call, then stretches.
 */
export const findSpeech: TaskWork<ParametersOf<'speech'>> = async ({ threshold }, files, hands) => {
  const upload = onlyFile(files);
  const { probabilities, samples } = await withAudio(upload, wholeSoundLimits(hands.config), (audio) =>
    listen(audio, hands),
  );
  const rules = { ...segmentRules, threshold, endThreshold: Math.max(0.01, threshold - 0.15) };
  const segments = speechSegments(probabilities, samples, rules).map(({ start, end }) => ({
    start_seconds: start / voice.sampleRateHz,
    end_seconds: end / voice.sampleRateHz,
  }));
  const seconds = samples / voice.sampleRateHz;
  const speech = segments.reduce((sum, { start_seconds, end_seconds }) => sum + end_seconds - start_seconds, 0);
  hands.measured({ audioSeconds: seconds, fileBytes: upload.sizeBytes });
  const facts = {
    model: hands.model?.name,
    duration_seconds: seconds,
    speech_seconds: speech,
    speech_ratio: seconds === 0 ? 0 : speech / seconds,
    segments,
  };
  return {
    contentType: 'application/json',
    file: await hands.step('files.write', () => writeFacts(hands.folder, facts)),
    fileName: 'speech.json',
    facts,
  };
};

/**
 * Piece by piece to one channel, to the model's rate and through the model; `samples`: how many
 * there were at that rate.
 */
async function listen(audio: OpenedAudio, hands: TaskHands): Promise<{ probabilities: number[]; samples: number }> {
  const { sampleRateHz, frames } = audio;
  const total = frames === undefined ? 0 : Math.ceil((frames * voice.sampleRateHz) / sampleRateHz);
  const phases = new Phases(hands);
  const resampler = new StreamResampler(sampleRateHz, voice.sampleRateHz);
  const windows = new VoiceWindows();
  const ear = new Ear(hands, total);
  let samples = 0;
  const hear = async (part: Float32Array) => {
    samples += part.length;
    for (const rows of windows.add(part)) await ear.hear(rows);
  };
  for await (const planes of phases.timed('audio.decode', audio.pieces()))
    await hear(phases.time('audio.resample', () => resampler.next(mono(planes))));
  await hear(phases.time('audio.resample', () => resampler.end()));
  for (const rows of windows.end()) await ear.hear(rows);
  return { probabilities: ear.probabilities, samples };
}

/** The voice model and its state. */
class Ear {
  readonly probabilities: number[] = [];
  readonly #hands: TaskHands;
  readonly #total: number;
  #h = new Float32Array(voice.stateSize);
  #c = new Float32Array(voice.stateSize);

  constructor(hands: TaskHands, total: number) {
    this.#hands = hands;
    this.#total = total;
  }

  async hear({ rows, data }: VoiceRows): Promise<void> {
    const fp32 = (name: string, shape: number[], values: Float32Array) => ({
      name,
      datatype: 'FP32' as const,
      shape,
      data: values,
    });
    const answers = await this.#hands.infer([
      fp32('input', [rows, voice.contextSamples + voice.windowSamples], data),
      fp32('h', [1, 1, voice.stateSize], this.#h),
      fp32('c', [1, 1, voice.stateSize], this.#c),
    ]);
    const of = (name: string) => answers.find((tensor) => tensor.name === name)?.data as Float32Array<ArrayBuffer>;
    for (const probability of of('speech_probs')) this.probabilities.push(probability);
    [this.#h, this.#c] = [of('hn'), of('cn')];
    const heard = this.probabilities.length * voice.windowSamples;
    this.#hands.progress(this.#total === 0 ? heard : Math.min(this.#total, heard), this.#total, 'samples');
  }
}
