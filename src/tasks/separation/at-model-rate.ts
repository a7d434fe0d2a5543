import type { OpenedAudio } from '../../audio/opened-audio.ts';
import type { Planes } from '../../audio/planes.ts';
import { StreamResampler } from '../../audio/resample.ts';

type Pieces = AsyncIterable<Planes>;
type Stems = AsyncIterable<readonly Planes[]>;

/**
 * Separates at the rate that the model was made for, and gives the stems back at the sound's own,
 * exactly as long as it.
 */
export function atModelRate(
  { sampleRateHz, pieces }: Pick<OpenedAudio, 'sampleRateHz' | 'pieces'>,
  modelHz: number | undefined,
  separate: (pieces: Pieces) => Stems,
): Stems {
  if (modelHz === undefined || modelHz === sampleRateHz) return separate(pieces());
  let frames = 0;
  let isOver = false;
  const counted = (async function* () {
    for await (const planes of pieces()) {
      frames += planes[0]?.length ?? 0;
      yield planes;
    }
    isOver = true;
  })();
  return back(separate(resampled(counted, sampleRateHz, modelHz)), modelHz, sampleRateHz, () =>
    isOver ? frames : Number.POSITIVE_INFINITY,
  );
}

async function* resampled(pieces: Pieces, fromHz: number, toHz: number): AsyncGenerator<Planes> {
  const by = new Resamplers(fromHz, toHz);
  for await (const planes of pieces) {
    const next = by.next(planes);
    if (next[0]?.length) yield next;
  }
  const rest = by.end();
  if (rest[0]?.length) yield rest;
}

/** Rounding up twice may make a sample more than there were: what is beyond is cut off. */
async function* back(
  stems: Stems,
  fromHz: number,
  toHz: number,
  framesMax: () => number,
): AsyncGenerator<readonly Planes[]> {
  const by: Resamplers[] = [];
  let given = 0;
  const cut = (next: readonly Planes[]): readonly Planes[] => {
    const room = Math.max(0, framesMax() - given);
    given += Math.min(room, next[0]?.[0]?.length ?? 0);
    return next.map((planes) => planes.map((plane) => (plane.length > room ? plane.slice(0, room) : plane)));
  };
  for await (const each of stems) {
    while (by.length < each.length) by.push(new Resamplers(fromHz, toHz));
    const next = cut(by.map((stem, at) => stem.next(each[at] ?? [])));
    if (next[0]?.[0]?.length) yield next;
  }
  const rest = cut(by.map((stem) => stem.end()));
  if (rest[0]?.[0]?.length) yield rest;
}

/** One for each channel, made when it is seen how many there are. */
class Resamplers {
  readonly #rates: readonly [fromHz: number, toHz: number];
  readonly #channels: StreamResampler[] = [];

  constructor(fromHz: number, toHz: number) {
    this.#rates = [fromHz, toHz];
  }

  next(planes: Planes): Planes {
    while (this.#channels.length < planes.length) this.#channels.push(new StreamResampler(...this.#rates));
    return this.#channels.map((channel, at) => channel.next(planes[at] ?? new Float32Array()));
  }

  end(): Planes {
    return this.#channels.map((channel) => channel.end());
  }
}
