import type { FileScores } from './score-file.ts';
import { topsis } from './topsis.ts';

/** What files are ranked by: where the figure is, and whether more is better. */
export const criteria = {
  snr: { better: 'more', of: (scores) => scores.against_reference?.snr_db },
  segmental_snr: { better: 'more', of: (scores) => scores.against_reference?.segmental_snr_db },
  si_sdr: { better: 'more', of: (scores) => scores.against_reference?.si_sdr_db },
  stoi: { better: 'more', of: (scores) => scores.against_reference?.stoi },
  dnsmos: { better: 'more', of: (scores) => scores.dnsmos?.overall },
  dnsmos_speech: { better: 'more', of: (scores) => scores.dnsmos?.speech },
  dnsmos_background: { better: 'more', of: (scores) => scores.dnsmos?.background },
  clipping: { better: 'less', of: (scores) => scores.clipping_ratio },
  silence: { better: 'less', of: (scores) => scores.silence_ratio },
} as const satisfies Record<string, { better: 'more' | 'less'; of: (scores: FileScores) => number | null | undefined }>;

export type Criterion = keyof typeof criteria;
export type Weights = Partial<Record<Criterion, number>>;

/**
 * Without weights: what listeners and instruments say, each once. Not silence: clean speech has
 * pauses, and noise fills them.
 */
const byDefault: readonly Criterion[] = ['si_sdr', 'stoi', 'dnsmos', 'clipping'];

export type Ranking = {
  readonly weights: Weights;
  readonly ranking: readonly { readonly rank: number; readonly name: string; readonly topsis: number }[];
  readonly excluded: readonly { readonly name: string; readonly reason: string }[];
};

/**
 * Ranks files by TOPSIS. One that is silent, or lacks a measure which counts, is left out and
 * named, with the reason.
 */
export function rankFiles(files: readonly FileScores[], given: Weights | undefined): Ranking {
  const has = (scores: FileScores, name: Criterion) => Number.isFinite(criteria[name].of(scores));
  const wanted = (Object.keys(given ?? {}) as Criterion[]).filter((name) => (given?.[name] ?? 0) > 0);
  const names = wanted.length > 0 ? wanted : byDefault.filter((name) => files.some((scores) => has(scores, name)));
  const weights: Weights = wanted.length > 0 && given ? given : Object.fromEntries(names.map((name) => [name, 1]));
  const reasonAgainst = (scores: FileScores): string | undefined => {
    // Models that judge by ear give silence good marks.
    if (scores.silence_ratio === 1) return 'it is silent';
    const lacking = names.filter((name) => !has(scores, name));
    return lacking.length > 0 ? `it has no ${lacking.join(', ')}` : undefined;
  };
  const ranked = files.filter((scores) => reasonAgainst(scores) === undefined);
  const closeness = topsis(
    ranked.map((scores) => names.map((name) => criteria[name].of(scores) as number)),
    names.map((name) => ({ weight: weights[name] ?? 1, better: criteria[name].better })),
  );
  return {
    weights,
    ranking: ranked
      .map(({ name }, at) => ({ name, topsis: closeness[at] as number }))
      .sort((one, other) => other.topsis - one.topsis)
      .map((entry, at) => ({ rank: at + 1, ...entry })),
    excluded: files.flatMap((scores) => {
      const reason = reasonAgainst(scores);
      return reason === undefined ? [] : [{ name: scores.name, reason }];
    }),
  };
}
