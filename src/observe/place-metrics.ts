import type { ModelRepository } from '../engine/places/model-repository.ts';
import type { Meter } from '../telemetry/meter.ts';

const states = ['waiting', 'downloading', 'ready', 'unreachable', 'refused'] as const;

/** The places that models are downloaded from; no series where there is none. */
export function observePlaces(meter: Meter, repository: ModelRepository): void {
  if (repository.isFoldersOnly) return;
  meter.gauge('modelPlaces', (observe) => {
    for (const state of states) observe(repository.standings.filter((place) => place.state === state).length, state);
  });
  meter.observedCounter('modelDownloadBytes', (observe) => {
    for (const kind of ['s3', 'https'] as const) observe(repository.downloadedBytes[kind], kind);
  });
}
