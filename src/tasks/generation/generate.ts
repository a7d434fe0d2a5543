import { join } from 'node:path';
import { wavBytes } from '../../audio/write-wav.ts';
import { DefectsMeter } from '../quality/output-defects.ts';
import { WavFile } from '../separation/wav-file.ts';
import type { ParametersOf } from '../task-parameters.ts';
import type { TaskWork } from '../task-work.ts';
import { framesOf, makeSound } from './make-sound.ts';
import { synthesis } from './plan-sound.ts';
import { readPrompt } from './read-prompt.ts';

const { sampleRateHz } = synthesis;

/**
 * A prompt to a sound: words to voices, voices through the model, strokes at their moments, a WAV
 * file; piece by piece, so that a listener hears the beginning before the end is made.
 */
export const generate: TaskWork<ParametersOf<'generate'>> = async (parameters, _files, hands) => {
  const { prompt, duration_seconds: seconds, seed, encoding = 'pcm16' } = parameters;
  const wish = readPrompt(prompt);
  const frames = framesOf(seconds);
  await hands.reserve(wavBytes(encoding, 1, frames));
  const file = join(hands.folder, 'sound.wav');
  await using wav = await WavFile.create(file, { encoding, channels: 1, sampleRateHz, frames });
  const meter = new DefectsMeter(sampleRateHz);
  for await (const samples of makeSound(wish, { seconds, seed }, hands)) {
    meter.add([samples]);
    await hands.step('audio.encode', () => wav.add([samples]));
    hands.grown(wav.grown);
    hands.progress(wav.frames, frames, 'samples');
  }
  await hands.step('audio.encode', () => wav.finish());
  hands.measured({
    audioSeconds: frames / sampleRateHz,
    generatedSamples: frames,
    defects: DefectsMeter.together([meter]),
  });
  const facts = {
    model: hands.model?.name,
    duration_seconds: frames / sampleRateHz,
    sample_rate_hz: sampleRateHz,
    seed,
    sources: wish.sources,
    understood: wish.understood,
    ignored: wish.ignored,
  };
  return { contentType: 'audio/wav', file, fileName: 'sound.wav', facts };
};
