import type { Config } from '../../config.ts';
import { connectionsWithinLimit } from '../../http/descriptor-limit.ts';
import { type Refusals, SharedBudget } from '../../resilience/shared-budget.ts';
import type { Meter } from '../../telemetry/meter.ts';

/** What all clients share and no single part of the API owns. */
export type Budgets = {
  readonly connections: SharedBudget;
  readonly answers: SharedBudget;
  readonly followers: SharedBudget;
};

export function makeBudgets(config: Config): Budgets {
  const { answersBytesMax, clientSharePercent: sharePercent, eventListenersMax, trustProxy } = config;
  return {
    connections: new SharedBudget({
      name: 'connections',
      max: connectionsWithinLimit(config),
      // A trusted proxy brings the connections of all clients from one address.
      sharePercent: trustProxy === '' ? sharePercent : 0,
      largest: 1,
      cannot: 'Cannot take the connection',
      held: (count) => `${count} are open`,
      setting: 'VITRINE_CONNECTIONS_MAX',
    }),
    answers: new SharedBudget({
      name: 'answers',
      max: answersBytesMax,
      sharePercent,
      largest: answersBytesMax / 2,
      cannot: 'Cannot send the answer',
      held: (bytes) => `answers that wait to be read take ${bytes} of ${answersBytesMax} bytes`,
      remedy: 'read your answers faster and come again',
      setting: 'VITRINE_ANSWERS_BYTES_MAX',
    }),
    followers: new SharedBudget({
      name: 'followers',
      max: eventListenersMax,
      sharePercent,
      largest: 1,
      cannot: 'Cannot follow the job',
      held: (count) => `${count} callers follow jobs`,
      remedy: 'ask GET /v1/jobs/{id} instead',
      setting: 'VITRINE_EVENT_LISTENERS_MAX',
      retryAfterMs: 5_000,
    }),
  };
}

/**
 * How full each budget is, and how many it refused. `more`: refusals of budgets that come and go
 * with models, added up.
 */
export function observeBudgets(
  meter: Meter,
  budgets: readonly SharedBudget[],
  more: readonly { name: string; refused: Refusals }[],
): void {
  meter.gauge('budgetUsed', (observe) => {
    for (const { taken, terms } of budgets) observe(taken / terms.max, terms.name);
  });
  meter.observedCounter('budgetRefused', (observe) => {
    const all = [...budgets.map(({ terms, refused }) => ({ name: terms.name, refused })), ...more];
    for (const { name, refused } of all)
      for (const reason of ['share', 'full'] as const) observe(refused[reason], name, reason);
  });
}
