import { rankFiles, type Weights } from '../tasks/quality/rank-files.ts';
import type { FileScores } from '../tasks/quality/score-file.ts';
import { version } from '../version.ts';
import type { MeasureName } from './measures.ts';
import type { SampleEntry } from './sample-ledger.ts';

export type DatasetReport = {
  readonly dataset: string;
  readonly processor: string;
  readonly vitrine: string;
  readonly made_at: string;
  /** False: the run was broken off, and files are missing. */
  readonly complete: boolean;
  readonly files: number;
  readonly success: number;
  readonly excluded: number;
  readonly failed: number;
  readonly audio_seconds: number;
  /** By TOPSIS, the best first. */
  readonly weights?: Weights;
  readonly rows: readonly ReportRow[];
};

export type ReportRow = {
  readonly file: string;
  readonly status: SampleEntry['status'] | 'missing';
  readonly rank?: number;
  readonly topsis?: number;
  /** Why it has no rank, or no result. */
  readonly reason?: string;
  readonly code?: string;
  readonly seconds?: number;
  readonly took_seconds?: number;
  readonly output?: string;
  readonly measures: Readonly<Partial<Record<MeasureName, number | null>>>;
};

/** Ranks what has scores, and puts everything that is known of the dataset together. */
export function reportOf(given: {
  dataset: string;
  processor: string;
  ids: readonly string[];
  entries: readonly SampleEntry[];
  weights: Weights | undefined;
}): DatasetReport {
  const { dataset, processor, ids, weights } = given;
  const entries = new Map(given.entries.map((entry) => [entry.id, entry]));
  const scores = given.entries.flatMap(({ scores: each }) => each ?? []);
  const ranked = scores.length > 0 ? rankFiles(scores, weights) : undefined;
  const places = new Map(ranked?.ranking.map((place) => [place.name, place]));
  const reasons = new Map(ranked?.excluded.map(({ name, reason }) => [name, reason]));
  const rows = ids.map((id): ReportRow => {
    const entry = entries.get(id);
    if (!entry) return { file: id, status: 'missing', reason: 'the run was broken off before it', measures: {} };
    const place = places.get(id);
    const reason = entry.failure?.reason ?? reasons.get(id);
    return {
      file: id,
      status: entry.status,
      ...(place && { rank: place.rank, topsis: place.topsis }),
      ...(reason !== undefined && { reason }),
      ...(entry.failure && { code: entry.failure.code }),
      ...(entry.seconds !== undefined && { seconds: entry.seconds }),
      took_seconds: entry.tookSeconds,
      ...(entry.output !== undefined && { output: entry.output }),
      measures: entry.scores ? { ...measuresOf(entry.scores), topsis: place?.topsis ?? null } : {},
    };
  });
  rows.sort((one, other) => (one.rank ?? Number.MAX_SAFE_INTEGER) - (other.rank ?? Number.MAX_SAFE_INTEGER));
  const count = (status: ReportRow['status']) => rows.filter((row) => row.status === status).length;
  return {
    dataset,
    processor,
    vitrine: version,
    made_at: new Date().toISOString(),
    complete: count('missing') === 0,
    files: rows.length,
    success: count('success'),
    excluded: count('excluded'),
    failed: count('failed'),
    audio_seconds: rows.reduce((sum, { seconds = 0 }) => sum + seconds, 0),
    ...(ranked && { weights: ranked.weights }),
    rows,
  };
}

function measuresOf(scores: FileScores): ReportRow['measures'] {
  const { dnsmos, against_reference: against } = scores;
  return {
    dnsmos_overall: dnsmos?.overall ?? null,
    dnsmos_speech: dnsmos?.speech ?? null,
    dnsmos_background: dnsmos?.background ?? null,
    ...(against && {
      snr_db: against.snr_db,
      segmental_snr_db: against.segmental_snr_db,
      si_sdr_db: against.si_sdr_db,
      stoi: against.stoi,
    }),
    loudness_lufs: scores.loudness_lufs,
    peak_db: scores.peak_db,
    clipping_ratio: scores.clipping_ratio,
    silence_ratio: scores.silence_ratio,
  };
}
