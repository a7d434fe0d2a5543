/** A stretch of speech, in samples, the end not included. */
export type SpeechSegment = { readonly start: number; readonly end: number };

export type SegmentRules = {
  /** Speech begins at this probability … */
  readonly threshold: number;
  /** … and goes on while it is not below this one, so that it does not flicker around one value. */
  readonly endThreshold: number;
  readonly windowSamples: number;
  readonly speechSamplesMin: number;
  readonly silenceSamplesMin: number;
  /** Added on both sides, at most to the middle of the pause between two segments. */
  readonly paddingSamples: number;
};

/**
 * 250 ms of speech, 100 ms of silence, 30 ms of padding at 16 kHz: the defaults of Silero's own
 * assembly.
 */
export const segmentRules: SegmentRules = {
  threshold: 0.5,
  endThreshold: 0.35,
  windowSamples: 512,
  speechSamplesMin: 4000,
  silenceSamplesMin: 1600,
  paddingSamples: 480,
};

type State =
  | { readonly kind: 'silence' }
  | { readonly kind: 'speech'; readonly start: number }
  | { readonly kind: 'pause'; readonly start: number; readonly since: number };

/**
 * The segments in a row of speech probabilities, one a window, of a sound that is `lengthSamples`
 * long.
 */
export function speechSegments(
  probabilities: Iterable<number>,
  lengthSamples: number,
  rules: SegmentRules = segmentRules,
): SpeechSegment[] {
  const found: SpeechSegment[] = [];
  const keep = (start: number, end: number) => {
    if (end - start > rules.speechSamplesMin) found.push({ start, end });
  };
  let state: State = { kind: 'silence' };
  let at = 0;
  for (const probability of probabilities) {
    switch (state.kind) {
      case 'silence':
        if (probability >= rules.threshold) state = { kind: 'speech', start: at };
        break;
      case 'speech':
        if (probability < rules.endThreshold) state = { kind: 'pause', start: state.start, since: at };
        break;
      case 'pause':
        if (probability >= rules.threshold) state = { kind: 'speech', start: state.start };
        break;
    }
    // The window in which a pause has become long enough ends the segment where the pause began.
    if (state.kind === 'pause' && at - state.since >= rules.silenceSamplesMin) {
      keep(state.start, state.since);
      state = { kind: 'silence' };
    }
    at += rules.windowSamples;
  }
  if (state.kind !== 'silence') keep(state.start, lengthSamples);
  return padded(found, lengthSamples, rules.paddingSamples);
}

function padded(segments: readonly SpeechSegment[], lengthSamples: number, padding: number): SpeechSegment[] {
  return segments.map(({ start, end }, index) => {
    const before = segments[index - 1]?.end;
    const after = segments[index + 1]?.start;
    const spaceBefore = before === undefined ? start : Math.floor((start - before) / 2);
    const spaceAfter = after === undefined ? lengthSamples - end : Math.floor((after - end) / 2);
    return { start: start - Math.min(padding, spaceBefore), end: end + Math.min(padding, spaceAfter) };
  });
}
