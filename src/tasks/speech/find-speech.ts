import { mono } from '../audio/mono.ts';
import { readWhole } from '../audio/read-whole.ts';
import { resample } from '../audio/resample.ts';
import { onlyFile } from '../only-file.ts';
import type { ParametersOf } from '../task-parameters.ts';
import type { TaskHands, TaskWork } from '../task-work.ts';
import { writeFacts } from '../write-facts.ts';
import { segmentRules, speechSegments } from './speech-segments.ts';
import { voice, voiceWindows } from './voice-windows.ts';

/** Where there is speech in a sound: windows of 32 ms through the voice model, its state going from call to call, then stretches. */
export const findSpeech: TaskWork<ParametersOf<'speech'>> = async ({ threshold }, files, hands) => {
  const upload = onlyFile(files);
  const audio = await hands.step('audio.decode', () => readWhole(upload, hands.config));
  const samples = await hands.step('audio.resample', () =>
    resample(mono(audio), audio.sampleRateHz, voice.sampleRateHz),
  );
  const probabilities = await listen(samples, hands);
  const rules = { ...segmentRules, threshold, endThreshold: Math.max(0.01, threshold - 0.15) };
  const segments = speechSegments(probabilities, samples.length, rules).map(({ start, end }) => ({
    start_seconds: start / voice.sampleRateHz,
    end_seconds: end / voice.sampleRateHz,
  }));
  const seconds = samples.length / voice.sampleRateHz;
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
    file: await writeFacts(hands.folder, facts),
    fileName: 'speech.json',
    facts,
  };
};

async function listen(samples: Float32Array, { infer, progress }: TaskHands): Promise<number[]> {
  const probabilities: number[] = [];
  let [h, c] = [new Float32Array(voice.stateSize), new Float32Array(voice.stateSize)];
  for (const { rows, data } of voiceWindows(samples)) {
    const fp32 = (name: string, shape: number[], values: Float32Array) => ({
      name,
      datatype: 'FP32' as const,
      shape,
      data: values,
    });
    const answers = await infer([
      fp32('input', [rows, voice.contextSamples + voice.windowSamples], data),
      fp32('h', [1, 1, voice.stateSize], h),
      fp32('c', [1, 1, voice.stateSize], c),
    ]);
    const of = (name: string) => answers.find((tensor) => tensor.name === name)?.data as Float32Array<ArrayBuffer>;
    for (const probability of of('speech_probs')) probabilities.push(probability);
    [h, c] = [of('hn'), of('cn')];
    progress(Math.min(samples.length, probabilities.length * voice.windowSamples), samples.length, 'samples');
  }
  return probabilities;
}
