import type { StageTimes, StepFacts } from '../inference.ts';

type StepTimes = Pick<StepFacts, 'startedAt' | 'endedAt' | 'queueMs' | 'assembleMs' | 'runMs' | 'splitMs'>;
const stages = ['queueMs', 'assembleMs', 'runMs', 'splitMs'] as const;
type Stage = (typeof stages)[number];
/** What a moment is booked to when several steps are under way: the most of work first. */
const byWork = ['runMs', 'assembleMs', 'splitMs', 'queueMs'] as const satisfies readonly Stage[];

/**
 * Where the time of a request to a pipeline went: each moment once, whatever steps run side by
 * side. What is between the steps is in none of the stages.
 */
export function stagesOfSteps(steps: readonly StepTimes[], from: number, to: number): StageTimes {
  const spans = steps.flatMap(spansOf);
  const edges = [...new Set(spans.flatMap((span) => [span.from, span.to]))].sort((one, other) => one - other);
  const spent: Record<Stage, number> = { queueMs: 0, assembleMs: 0, runMs: 0, splitMs: 0 };
  for (const [at, edge] of edges.entries()) {
    const begin = Math.max(from, edge);
    const end = Math.min(to, edges[at + 1] ?? edge);
    if (end <= begin) continue;
    const under = spans.filter((span) => span.from <= edge && span.to > edge);
    const stage = byWork.find((one) => under.some((span) => span.stage === one));
    if (stage !== undefined) spent[stage] += end - begin;
  }
  return { enqueuedAt: from, ...spent, answeredAt: to };
}

/** The stages of a step follow each other. */
function spansOf(step: StepTimes): { stage: Stage; from: number; to: number }[] {
  let at = step.startedAt;
  return stages.flatMap((stage) => {
    const from = at;
    at = Math.min(step.endedAt, at + step[stage]);
    return at > from ? [{ stage, from, to: at }] : [];
  });
}
