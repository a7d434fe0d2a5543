import { readFileSync } from 'node:fs';
import { readWav } from '../../src/audio/read-wav.ts';

/** One of the sounds that testkit/fixtures/make_references.py made, mono. */
export function sound(name: 'speech' | 'speech-in-noise' | 'chord-and-clicks'): Float32Array {
  return readWav(readFileSync(place(`audio/${name}.wav`))).channels[0] as Float32Array;
}

export function referenceArray(name: 'harmonic' | 'percussive'): Float32Array {
  const bytes = readFileSync(place(`reference/${name}.npy`));
  const start = 10 + bytes.readUInt16LE(8);
  return new Float32Array(new Uint8Array(bytes.subarray(start)).buffer);
}

export type Reference = {
  speech: {
    speech_samples: [number, number][];
    speech_samples_of_eight_in_a_row: [number, number][];
    loudness_lufs: number;
    dnsmos: Scores;
  };
  'speech-in-noise': {
    speech_samples: [number, number][];
    snr_db: number;
    stoi: number;
    stoi_at_10_khz: number;
    stoi_at_44_1_khz: number;
    loudness_lufs: number;
    dnsmos: Scores;
  };
  'chord-and-clicks': { loudness_lufs: number; stereo_with_its_reverse_at_half_lufs: number };
};
type Scores = { ovrl_mos: number; sig_mos: number; bak_mos: number };

/** What librosa, pystoi, pyloudnorm, speechmos and silero-vad say about the sounds. */
export const reference = JSON.parse(readFileSync(place('reference/quality.json'), 'utf8')) as Reference;

function place(path: string): URL {
  return new URL(`../../testkit/fixtures/${path}`, import.meta.url);
}
