import type { TaskHands } from '../task-work.ts';
import { VoiceMix } from './mix-voices.ts';
import { planSound, synthesis } from './plan-sound.ts';
import type { SoundWish } from './read-prompt.ts';
import { VoiceRenderer } from './voice-renderer.ts';

/** What is made at a time: 0.74 s; of the beginning less, to be heard soon. */
const pieceBlocks = 32;
const firstBlocks = 8;

/** How many samples a sound of so many seconds has. */
export function framesOf(seconds: number): number {
  return Math.max(1, Math.round(seconds * synthesis.sampleRateHz));
}

/**
 * A sound piece by piece: all together they are the sound. A piece is made when
 * it is asked for, of no more than is heard until its end.
 */
export async function* makeSound(
  wish: SoundWish,
  { seconds, seed }: { seconds: number; seed: number },
  { infer, step }: Pick<TaskHands, 'infer' | 'step'>,
): AsyncGenerator<Float32Array> {
  const groups = await step('sound.plan', () => planSound(wish, seconds, seed));
  const layers = groups.map((group) => ({ group, renderer: new VoiceRenderer(group, infer) }));
  const frames = framesOf(seconds);
  const mix = new VoiceMix(layers, frames, wish);
  for (let block = firstBlocks; ; block += pieceBlocks) {
    // All layers at once: they can share a batch.
    await Promise.all(layers.map(({ renderer }) => renderer.reach(block)));
    const end = Math.min(frames, block * synthesis.blockSamples);
    yield await step('sound.mix', () => mix.next(end));
    if (end === frames) return;
    for (const { group, renderer } of layers) if (group.onsets.length === 1) renderer.forget(end);
  }
}
