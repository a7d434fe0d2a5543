const rate = 22_050;
const seconds = 3;
const chordHertz = [220, 277.18, 329.63, 440];
const clicksAt = [0.25, 0.75, 1.25, 1.75, 2.25, 2.75];

/**
 * Something that sings and something that strikes, for who has no sound at hand: a chord with
 * clicks, made here.
 */
export function exampleSound(): File {
  const samples = Float32Array.from({ length: rate * seconds }, (_, at) => {
    const time = at / rate;
    const chord = chordHertz.reduce((sum, hertz) => sum + Math.sin(2 * Math.PI * hertz * time), 0) / 12;
    const click = clicksAt.reduce((sum, begins) => {
      const since = time - begins;
      return since < 0 || since > 0.05 ? sum : sum + (Math.random() * 2 - 1) * 0.6 * Math.exp(-since * 120);
    }, 0);
    return chord * Math.min(1, time * 8, (seconds - time) * 8) + click;
  });
  return new File([asWav(samples)], 'chord-and-clicks.wav', { type: 'audio/wav' });
}

/** RIFF, one channel, 16 bit. */
function asWav(samples: Float32Array): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at: number, letters: string) => {
    for (let letter = 0; letter < letters.length; letter += 1) view.setUint8(at + letter, letters.charCodeAt(letter));
  };
  text(0, 'RIFF');
  view.setUint32(4, 36 + samples.length * 2, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  text(36, 'data');
  view.setUint32(40, samples.length * 2, true);
  for (const [at, sample] of samples.entries())
    view.setInt16(44 + at * 2, Math.max(-1, Math.min(1, sample)) * 32_767, true);
  return view.buffer;
}
