import { element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import { colour, onThemeChange } from '../theme.ts';

export type Sound = { name: string; content: Blob; marks?: readonly { from: number; to: number }[] };

const columns = 600;

/**
 * A sound to hear and to see: its waveform, where it is played, and marks such as where somebody
 * speaks.
 */
export function soundCard(sound: Sound, signal: AbortSignal): HTMLElement {
  const url = URL.createObjectURL(sound.content);
  signal.addEventListener('abort', () => URL.revokeObjectURL(url));
  const player = element('audio', {
    controls: true,
    preload: 'metadata',
    src: url,
    'aria-label': `Play ${sound.name}`,
  });
  const canvas = element('canvas', {
    class: 'wave',
    role: 'img',
    'aria-label': `Waveform of ${sound.name}`,
    width: columns * 2,
    height: 144,
  });
  const length = element('span', { class: 'quiet' });
  let decoded: Decoded | undefined;
  const draw = () => decoded && paint(canvas, decoded, { marks: sound.marks, playedSeconds: player.currentTime });
  canvas.addEventListener('click', (event) => {
    if (decoded) player.currentTime = (event.offsetX / canvas.clientWidth) * decoded.seconds;
  });
  for (const event of ['timeupdate', 'seeked']) player.addEventListener(event, draw);
  onThemeChange(draw, signal);
  void decode(sound.content).then((found) => {
    decoded = found;
    length.textContent = found ? formatValue(found.seconds, 's') : 'This browser cannot show this format.';
    draw();
  });
  return element(
    'figure',
    { class: 'sound' },
    element(
      'figcaption',
      {},
      element('strong', {}, sound.name),
      length,
      element('a', { href: url, download: sound.name, 'aria-label': `Save ${sound.name}` }, 'save'),
    ),
    canvas,
    player,
  );
}

type Decoded = { seconds: number; peaks: Float32Array };

/** Undefined for formats that this browser does not play (aiff, often); the service reads them. */
async function decode(content: Blob): Promise<Decoded | undefined> {
  const context = new OfflineAudioContext(1, 1, 44_100);
  try {
    const decoded = await context.decodeAudioData(await content.arrayBuffer());
    return { seconds: decoded.duration, peaks: peaksOf(decoded.getChannelData(0)) };
  } catch {
    return undefined;
  }
}

function paint(
  canvas: HTMLCanvasElement,
  { seconds, peaks }: Decoded,
  { marks = [], playedSeconds }: { marks: Sound['marks']; playedSeconds: number },
): void {
  const ctx = canvas.getContext('2d');
  if (!ctx) return;
  const { width, height } = canvas;
  ctx.clearRect(0, 0, width, height);
  for (const { from, to } of marks) {
    ctx.fillStyle = colour('mark');
    ctx.fillRect((from / seconds) * width, 0, Math.max(2, ((to - from) / seconds) * width), height);
  }
  const played = seconds > 0 ? playedSeconds / seconds : 0;
  for (let at = 0; at < columns; at += 1) {
    const high = Math.max(2, peaks[at]! * height * 0.92);
    ctx.fillStyle = at / columns < played ? colour('accent') : colour('wave');
    ctx.fillRect(at * 2, (height - high) / 2, 1.4, high);
  }
}

function peaksOf(samples: Float32Array): Float32Array {
  const peaks = new Float32Array(columns);
  const each = Math.max(1, Math.floor(samples.length / columns));
  for (let at = 0; at < columns; at += 1) {
    let most = 0;
    for (let sample = at * each; sample < Math.min(samples.length, (at + 1) * each); sample += 1)
      most = Math.max(most, Math.abs(samples[sample]!));
    peaks[at] = most;
  }
  return peaks;
}
