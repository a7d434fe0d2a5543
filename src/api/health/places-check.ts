import type { FetchedStanding } from '../../engine/places/model-repository.ts';
import { howFar } from '../../engine/places/progress.ts';
import type { Check, Shown } from './check.ts';

/** The places that models are downloaded from. What a place brought before is served meanwhile. */
export function placesCheck(places: readonly FetchedStanding[], shown: Shown): Check {
  const bad = places.filter(({ state }) => state === 'unreachable' || state === 'refused');
  const refused = places.flatMap((place) => Object.keys(place.refused));
  const coming = places.filter(({ state }) => state === 'downloading');
  const figures = {
    places: places.map((place) => answerOf(place, shown)),
  };
  const messages = [
    ...bad.map(({ place, state, problem }) =>
      shown.sizes ? (problem ?? `${place} is ${state}.`) : `A place of VITRINE_MODELS is ${state}.`,
    ),
    ...(refused.length > 0
      ? [
          `Not taken: ${refused.filter(shown.model).join(', ') || `${refused.length} models`}; POST /v2/repository/index has the reasons.`,
        ]
      : []),
  ];
  if (messages.length > 0) return { status: 'warning', ...figures, message: messages.join(' ') };
  if (coming.length === 0) return { status: 'healthy', ...figures };
  return { status: 'healthy', ...figures, message: `Models are downloaded: ${coming.map(howFar).join(', ')}.` };
}

function answerOf({ place, kind, state, sinceMs, bytes, bytesTotal, problem, refused }: FetchedStanding, shown: Shown) {
  return {
    kind,
    state,
    since: new Date(sinceMs).toISOString(),
    ...(state === 'downloading' && { bytes, bytes_total: bytesTotal }),
    ...(shown.sizes && {
      place,
      ...(problem !== undefined && { problem }),
      refused: Object.fromEntries(Object.entries(refused).filter(([name]) => shown.model(name))),
    }),
  };
}
