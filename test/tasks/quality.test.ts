import assert from 'node:assert/strict';
import { peak } from '../../src/audio/peak.ts';
import { ClippingMeter, clipping } from '../../src/tasks/quality/clipping.ts';
import { IntelligibilityMeter, shortTimeIntelligibility } from '../../src/tasks/quality/intelligibility.ts';
import { ListeningWindows, listeningWindows } from '../../src/tasks/quality/listening-scores.ts';
import { LoudnessMeter } from '../../src/tasks/quality/loudness.ts';
import { DefectsMeter, defectsOf } from '../../src/tasks/quality/output-defects.ts';
import { rankFiles } from '../../src/tasks/quality/rank-files.ts';
import {
  ScaleInvariantDistortionMeter,
  scaleInvariantDistortionDb,
} from '../../src/tasks/quality/scale-invariant-distortion.ts';
import type { FileScores } from '../../src/tasks/quality/score-file.ts';
import {
  SegmentalSignalToNoiseMeter,
  SignalToNoiseMeter,
  segmentalSignalToNoiseDb,
  signalToNoiseDb,
} from '../../src/tasks/quality/signal-to-noise.ts';
import { SilenceMeter, silence } from '../../src/tasks/quality/silence.ts';
import { topsis } from '../../src/tasks/quality/topsis.ts';
import { VoiceWindows, voiceWindows } from '../../src/tasks/speech/voice-windows.ts';
import { reference, sound } from '../models/reference-sounds.ts';

const near = (given: number | undefined, wanted: number, tolerance: number) =>
  assert.ok(given !== undefined && Math.abs(given - wanted) <= tolerance, `${given}, wanted ${wanted} ± ${tolerance}`);

const sine = (hz: number, rate: number, seconds: number, amplitude = 1) =>
  Float32Array.from({ length: rate * seconds }, (_, n) => amplitude * Math.sin((2 * Math.PI * hz * n) / rate));

describe('the signal-to-noise ratio', () => {
  it('is that of the noise that was added', () => {
    near(signalToNoiseDb(sound('speech'), sound('speech-in-noise')), reference['speech-in-noise'].snr_db, 1e-3);
  });

  it('is infinite for an exact copy and unknown for a silent reference', () => {
    const samples = Float32Array.of(0.1, -0.2, 0.3);
    assert.equal(signalToNoiseDb(samples, samples), Number.POSITIVE_INFINITY);
    assert.equal(signalToNoiseDb(new Float32Array(3), samples), undefined);
  });

  it('of segments is the mean of theirs, each held between −10 and 35 dB', () => {
    const [rate, half] = [1000, 600];
    const clean = new Float32Array(2 * half).fill(1);
    // A tenth off in the first half: 20 dB. Exact in the second: held at 35 dB.
    const degraded = clean.map((value, at) => (at < half ? 1.1 * value : value));
    const mean = segmentalSignalToNoiseDb(clean, degraded, rate) as number;
    near(mean, 27.5, 0.5);
    near(segmentalSignalToNoiseDb(clean, new Float32Array(2 * half).fill(-99), rate), -10, 1e-9);
    assert.equal(segmentalSignalToNoiseDb(new Float32Array(2000), clean, rate), undefined);
  });
});

describe('the scale-invariant distortion', () => {
  it('does not change with the level or an offset', () => {
    const [clean, noisy] = [sound('speech'), sound('speech-in-noise')];
    const plain = scaleInvariantDistortionDb(clean, noisy) as number;
    near(
      scaleInvariantDistortionDb(
        clean,
        noisy.map((value) => 0.1 * value + 0.5),
      ),
      plain,
      1e-2,
    );
  });

  it('is the ratio of what lies along the reference to what does not', () => {
    // A sine, and a cosine (at a right angle to it) of a tenth: 20 dB.
    const wave = sine(10, 1000, 1);
    const other = wave.map((value, at) => value + 0.1 * Math.cos((2 * Math.PI * 10 * at) / 1000));
    near(scaleInvariantDistortionDb(wave, other), 20, 1e-4);
    assert.equal(scaleInvariantDistortionDb(wave, new Float32Array(1000)), undefined);
  });
});

describe('short-time intelligibility', () => {
  const [clean, noisy] = [sound('speech'), sound('speech-in-noise')];
  for (const [rate, wanted] of [
    [16_000, reference['speech-in-noise'].stoi],
    [10_000, reference['speech-in-noise'].stoi_at_10_khz],
    [44_100, reference['speech-in-noise'].stoi_at_44_1_khz],
  ] as const) {
    it(`is pystoi’s at ${rate} Hz, within 1e-4`, () => {
      near(shortTimeIntelligibility(clean, noisy, rate), wanted, 1e-4);
    });
  }

  it('is 1 for the same speech at another level, and unknown without enough of it', () => {
    near(
      shortTimeIntelligibility(
        clean,
        clean.map((value) => value / 3),
        16_000,
      ),
      1,
      1e-6,
    );
    assert.equal(
      shortTimeIntelligibility(clean.subarray(9000, 11_000), noisy.subarray(9000, 11_000), 16_000),
      undefined,
    );
    assert.equal(shortTimeIntelligibility(new Float32Array(), new Float32Array(), 16_000), undefined);
  });
});

describe('integrated loudness', () => {
  const measure = (rate: number, ...channels: Float32Array[]) => {
    const meter = new LoudnessMeter(rate, channels.length);
    // In odd pieces: the meter must not care.
    for (let at = 0; at < (channels[0]?.length ?? 0); at += 997)
      meter.add(channels.map((each) => each.subarray(at, at + 997)));
    return meter.integratedLufs();
  };

  it('is −3.01 LUFS for a full-scale sine of 997 Hz in one channel, as BS.1770 asks', () => {
    near(measure(48_000, sine(997, 48_000, 2)), -3.01, 0.01);
  });

  it('is −23 LUFS for the stereo sine of −23 dB that EBU Tech 3341 gives', () => {
    const wave = sine(1000, 48_000, 3, 10 ** (-23 / 20));
    near(measure(48_000, wave, wave), -23, 0.05);
  });

  it('leaves out what is 10 LU below the rest, as EBU Tech 3341 asks', () => {
    const part = (level: number, seconds: number) => [...sine(1000, 16_000, seconds, 10 ** (level / 20))];
    const whole = Float32Array.from([...part(-36, 3), ...part(-23, 30), ...part(-36, 3)]);
    near(measure(16_000, whole, whole), -23, 0.1);
  });

  it('is pyloudnorm’s for speech and music, within 0.05 LU', () => {
    near(measure(16_000, sound('speech')), reference.speech.loudness_lufs, 0.05);
    near(measure(16_000, sound('speech-in-noise')), reference['speech-in-noise'].loudness_lufs, 0.05);
    const music = sound('chord-and-clicks');
    near(measure(44_100, music), reference['chord-and-clicks'].loudness_lufs, 0.05);
    const other = music.toReversed().map((value) => value / 2);
    near(measure(44_100, music, other), reference['chord-and-clicks'].stereo_with_its_reverse_at_half_lufs, 0.05);
  });

  it('is unknown for silence and for less than 400 ms', () => {
    assert.equal(measure(48_000, new Float32Array(96_000)), undefined);
    assert.equal(measure(48_000, sine(997, 48_000, 0.3)), undefined);
  });
});

describe('clipping', () => {
  it('counts flat tops of three samples and more, not a single peak', () => {
    const samples = Float32Array.of(0, 1, 0, 1, 1, 1, 0.5, -1, -1, -1, -1, 0, 1, 1, -1);
    assert.deepEqual(clipping([samples]), { samples: 7, ratio: 7 / 15, longestRunSamples: 4 });
  });

  it('finds none in a sine at half scale and many in one that is cut off', () => {
    assert.equal(clipping([sine(100, 8000, 1, 0.5)]).samples, 0);
    const cut = sine(100, 8000, 1, 2).map((value) => Math.max(-1, Math.min(1, value)));
    near(clipping([cut]).ratio, 2 / 3, 0.03);
  });
});

describe('silence', () => {
  it('is measured at both ends and in the whole', () => {
    const samples = new Float32Array(1000);
    samples.set(sine(50, 1000, 0.4, 0.5), 200);
    const found = silence({ sampleRateHz: 1000, channels: [samples, new Float32Array(1000)] });
    near(found.ratio, 0.6, 1e-9);
    near(found.leadingSeconds, 0.2, 1e-9);
    near(found.trailingSeconds, 0.4, 1e-9);
    near(found.longestSeconds, 0.4, 1e-9);
  });

  it('is all there is in an empty sound', () => {
    assert.equal(silence({ sampleRateHz: 1000, channels: [new Float32Array()] }).ratio, 1);
  });
});

describe('the peak', () => {
  it('is the largest magnitude over all channels, and no number where a sample is none', () => {
    assert.equal(peak([Float32Array.of(0, 0.25), Float32Array.of(-0.5, 0.125)]), 0.5);
    assert.equal(peak([new Float32Array()]), 0);
    assert.equal(peak([Float32Array.of(0.5, Number.NaN), Float32Array.of(1)]), Number.NaN);
    assert.equal(peak([Float32Array.of(1), Float32Array.of(Number.NEGATIVE_INFINITY, 0.5)]), Number.POSITIVE_INFINITY);
  });
});

describe('what is wrong with an output', () => {
  const sine = (level: number) => Float32Array.from({ length: 4000 }, (_, at) => level * Math.sin(at / 9));
  const flat = sine(0.5).fill(1, 100, 103);
  const cases: [string, Float32Array, Record<string, number>][] = [
    ['nothing', sine(0.5), { silence: 0, clipping: 0, not_finite: 0 }],
    ['silence', sine(1e-4), { silence: 1, clipping: 0, not_finite: 0 }],
    ['a flat top at full scale', flat, { silence: 0, clipping: 1, not_finite: 0 }],
    ['what is no number', sine(0.5).fill(Number.NaN, 5, 6), { silence: 0, clipping: 0, not_finite: 1 }],
  ];
  for (const [what, samples, wanted] of cases)
    it(`is ${what}`, () => assert.deepEqual(defectsOf([sine(0.5).fill(0), samples], 8000), wanted));

  it('is remembered from whichever piece had it', () => {
    const meter = new DefectsMeter(8000);
    for (const samples of [new Float32Array(4000), flat, new Float32Array(4000)]) meter.add([samples]);
    assert.deepEqual(DefectsMeter.together([meter, new DefectsMeter(8000)]), {
      silence: 1,
      clipping: 1,
      not_finite: 0,
    });
  });
});

describe('TOPSIS', () => {
  // By hand: columns [3, 4] and [4, 3] have length 5, so rows are (0.6, 0.8) and (0.8, 0.6), halved
  // by the weights to (0.3, 0.4) and (0.4, 0.3). Quality: more is better, cost: less. Best (0.4,
  // 0.3), worst (0.3, 0.4): the second row is the best itself.
  const quality = { weight: 1, better: 'more' } as const;
  const cost = { weight: 1, better: 'less' } as const;

  it('gives 1 to what is best in everything and 0 to what is worst', () => {
    assert.deepEqual(
      topsis(
        [
          [3, 4],
          [4, 3],
        ],
        [quality, cost],
      ),
      [0, 1],
    );
  });

  it('is the example worked by hand', () => {
    // Columns 1, 2, 2 (length 3) and 2, 1, 2 (length 3), both qualities, weights 2 to 1:
    // weighted rows (2/9, 2/9), (4/9, 1/9), (4/9, 2/9); best (4/9, 2/9), worst (2/9, 1/9).
    // Row 1: to best 2/9, to worst 1/9, so 1/3. Row 2: to best 1/9, to worst 2/9, so 2/3. Row 3: 1.
    const scores = topsis(
      [
        [1, 2],
        [2, 1],
        [2, 2],
      ],
      [{ weight: 2, better: 'more' }, quality],
    );
    [1 / 3, 2 / 3, 1].forEach((wanted, row) => {
      near(scores[row], wanted, 1e-12);
    });
  });

  it('puts equal alternatives in the middle, and ranks nothing as nothing', () => {
    assert.deepEqual(topsis([[1], [1]], [quality]), [0.5, 0.5]);
    assert.deepEqual(topsis([], [quality]), []);
  });
});

describe('a ranking without weights', () => {
  const scores = (name: string, snr: number, silence: number) =>
    ({
      name,
      silence_ratio: silence,
      clipping_ratio: 0,
      dnsmos: { overall: 1 + snr / 10 },
      against_reference: { si_sdr_db: snr, stoi: 0.7 + snr / 200 },
    }) as FileScores;

  it('takes no pause of clean speech for a fault that noise would mend', () => {
    const { ranking, weights } = rankFiles([scores('noisy', 3, 0), scores('clean', 40, 0.4)], undefined);
    assert.deepEqual(weights, { si_sdr: 1, stoi: 1, dnsmos: 1, clipping: 1 });
    assert.deepEqual(
      ranking.map(({ name }) => name),
      ['clean', 'noisy'],
    );
    near(ranking[0]?.topsis, 1, 1e-12);
  });

  it('leaves a silent file out and says so, whatever a model that listens says of it', () => {
    const silent = { ...scores('silent', 3, 1), dnsmos: { speech: 4, background: 4, overall: 4 } } as FileScores;
    const loud = { ...scores('noise', 3, 0), dnsmos: { speech: 1, background: 1, overall: 1 } } as FileScores;
    const { ranking, excluded } = rankFiles([silent, loud], undefined);
    assert.deepEqual(
      ranking.map(({ name }) => name),
      ['noise'],
    );
    assert.deepEqual(excluded, [{ name: 'silent', reason: 'it is silent' }]);
    assert.deepEqual(rankFiles([silent], { dnsmos: 1 }).ranking, []);
  });

  it('counts silence where it is asked for', () => {
    const { ranking } = rankFiles([scores('noisy', 3, 0), scores('clean', 40, 0.4)], { silence: 1 });
    assert.equal(ranking[0]?.name, 'noisy');
  });
});

describe('what is measured piece by piece', () => {
  const [clean, noisy] = [sound('speech'), sound('speech-in-noise').slice(0, sound('speech').length)];
  const pieces = function* (...channels: Float32Array[]) {
    for (let at = 0; at < (channels[0]?.length ?? 0); at += 997)
      yield channels.map((samples) => samples.slice(at, at + 997)) as [Float32Array, Float32Array];
  };

  it('is what is measured of the whole: silence and clipping', () => {
    const loud = clean.map((sample) => Math.max(-1, Math.min(1, 3 * sample)));
    const [quiet, cut] = [new SilenceMeter(16_000), new ClippingMeter()];
    for (const planes of pieces(clean, loud)) {
      quiet.add(planes);
      cut.add(planes);
    }
    assert.deepEqual(quiet.end(), silence({ channels: [clean, loud], sampleRateHz: 16_000 }));
    const clipped = cut.end();
    assert.deepEqual(clipped, clipping([clean, loud]));
    assert.ok(clipped.longestRunSamples > 2);
  });

  it('is what is measured of the whole: noise, distortion and intelligibility', () => {
    const meters = {
      snr: new SignalToNoiseMeter(),
      segmental: new SegmentalSignalToNoiseMeter(16_000),
      distortion: new ScaleInvariantDistortionMeter(),
      intelligibility: new IntelligibilityMeter(16_000),
    };
    for (const pair of pieces(clean, noisy)) for (const meter of Object.values(meters)) meter.add(...pair);
    assert.equal(meters.snr.decibels(), signalToNoiseDb(clean, noisy));
    assert.equal(meters.segmental.decibels(), segmentalSignalToNoiseDb(clean, noisy, 16_000));
    near(meters.distortion.decibels(), scaleInvariantDistortionDb(clean, noisy) as number, 1e-9);
    assert.equal(meters.intelligibility.end(), shortTimeIntelligibility(clean, noisy, 16_000));
  });

  it('has less than a frame for one', () => {
    const meter = new SegmentalSignalToNoiseMeter(16_000);
    for (const half of [0, 50]) meter.add(clean.slice(9000 + half, 9050 + half), noisy.slice(9000 + half, 9050 + half));
    near(
      meter.decibels(),
      segmentalSignalToNoiseDb(clean.slice(9000, 9100), noisy.slice(9000, 9100), 16_000) as number,
      1e-9,
    );
  });

  it('is heard by the models in the same windows', () => {
    const long = Float32Array.from({ length: 12 * 16_000 + 7 }, (_, at) => at);
    const listened = new ListeningWindows();
    const heard = new VoiceWindows();
    const [windows, rows]: [Float32Array[], Float32Array[]] = [[], []];
    for (const [piece] of pieces(long)) {
      windows.push(...listened.add(piece));
      rows.push(...[...heard.add(piece)].map(({ data }) => data));
    }
    windows.push(...listened.end());
    rows.push(...[...heard.end()].map(({ data }) => data));
    assert.deepEqual(windows, [...listeningWindows(long)]);
    assert.deepEqual(
      rows,
      [...voiceWindows(long)].map(({ data }) => data),
    );
  });
});
