import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { wavBytes, writeWav } from '../audio/write-wav.ts';
import { defectsOf } from '../quality/output-defects.ts';
import type { ParametersOf } from '../task-parameters.ts';
import type { TaskWork } from '../task-work.ts';
import { mixVoices } from './mix-voices.ts';
import { planSound, synthesis, type VoiceGroup } from './plan-sound.ts';
import { readPrompt } from './read-prompt.ts';

/**
 * A prompt to a sound: words to voices, voices through the model, strokes at their moments, a WAV
 * file.
 */
export const generate: TaskWork<ParametersOf<'generate'>> = async (parameters, _files, hands) => {
  const { prompt, duration_seconds: seconds, seed, encoding } = parameters;
  const wish = readPrompt(prompt);
  await hands.reserve(wavBytes(encoding ?? 'pcm16', 1, Math.ceil(seconds * synthesis.sampleRateHz)));
  const groups = await hands.step('sound.plan', () => planSound(wish, seconds, seed));
  const rendered: { group: VoiceGroup; audio: Float32Array }[] = [];
  for (const group of groups) {
    hands.progress(rendered.length, groups.length, 'voices');
    rendered.push({ group, audio: await render(group, hands.infer) });
  }
  const samples = await hands.step('sound.mix', () => mixVoices(rendered, seconds, wish));
  const file = join(hands.folder, 'sound.wav');
  await hands.step('audio.encode', () =>
    writeFile(file, writeWav({ sampleRateHz: synthesis.sampleRateHz, channels: [samples] }, encoding)),
  );
  hands.progress(groups.length, groups.length, 'voices');
  hands.measured({
    audioSeconds: samples.length / synthesis.sampleRateHz,
    generatedSamples: samples.length,
    defects: defectsOf([samples], synthesis.sampleRateHz),
  });
  const facts = {
    model: hands.model?.name,
    duration_seconds: samples.length / synthesis.sampleRateHz,
    sample_rate_hz: synthesis.sampleRateHz,
    seed,
    sources: wish.sources,
    understood: wish.understood,
    ignored: wish.ignored,
  };
  return { contentType: 'audio/wav', file, fileName: 'sound.wav', facts };
};

async function render(group: VoiceGroup, infer: Parameters<typeof generate>[2]['infer']): Promise<Float32Array> {
  const { voices, modes, blocks, noiseBlocks } = group;
  const fp32 = (name: string, shape: number[], data: Float32Array) => ({
    name,
    datatype: 'FP32' as const,
    shape,
    data,
  });
  const [audio] = await infer([
    fp32('frequencies', [voices, modes], group.frequencies),
    fp32('decays', [voices, modes], group.decays),
    fp32('amplitudes', [voices, modes], group.amplitudes),
    fp32('phases', [voices, modes], group.phases),
    fp32('mode_levels', [voices, blocks + 1], group.modeLevels),
    fp32('noise', [voices, noiseBlocks, synthesis.blockSamples], group.noise),
    fp32('noise_levels', [voices, synthesis.bands, noiseBlocks + 1], group.noiseLevels),
  ]);
  return audio?.data as Float32Array;
}
