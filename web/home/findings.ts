import { callsSomebody } from '../alerts/firing-faults.ts';
import { failingChecks } from '../asking/ask-health.ts';
import { formatValue } from '../format/format-value.ts';
import { hashOf } from '../route.ts';
import { type HomeFacts, minutes } from './home-facts.ts';

/** Something that is not as it should be, and where to go on. */
export type Finding = { is: 'bad' | 'warn'; what: string; says: string; href: string; more?: [string, string] };

const refusedMin = 5;

/** What asks for somebody, the worst first; an empty list is a service in order. */
export function findingsOf(facts: HomeFacts): Finding[] {
  const found = [
    ...ofAlerts(facts),
    ...ofHealth(facts),
    ...ofStores(facts),
    ...ofFailures(facts),
    ...ofRefusals(facts),
  ];
  return found.sort((a, b) => Number(b.is === 'bad') - Number(a.is === 'bad'));
}

function ofAlerts({ standing }: HomeFacts): Finding[] {
  return (standing.alerts ?? [])
    .filter((fault) => callsSomebody(fault) && fault.held === undefined)
    .map(({ worst: { labels, annotations } }) => ({
      is: labels.severity === 'critical' ? 'bad' : 'warn',
      what: labels.alertname ?? 'Alert',
      says: annotations.summary ?? '',
      href: hashOf(['alerts'], new URLSearchParams({ alert: labels.alertname ?? '' })),
      more: ['Runbook', hashOf(['runbooks', labels.alertname ?? ''])],
    }));
}

function ofHealth({ standing: { health } }: HomeFacts): Finding[] {
  if (!health) return [{ is: 'bad', what: 'Service', says: 'The service does not say how it is.', href: '#/stack' }];
  return failingChecks(health)
    .filter(({ name, check }) => !(name === 'gpu' && check.status === 'warning'))
    .map(({ name, check }) => ({
      is: check.status === 'unhealthy' ? 'bad' : 'warn',
      what: name,
      says: check.message ?? check.status,
      href: name === 'models' ? '#/models' : '#/stack',
    }));
}

function ofStores({ standing, down }: HomeFacts): Finding[] {
  return [
    ...(standing.alerts === undefined
      ? [
          {
            is: 'warn',
            what: 'Alertmanager',
            says: 'It cannot be asked: alerts are not shown.',
            href: '#/stack',
          } as const,
        ]
      : []),
    ...(down === undefined
      ? [
          {
            is: 'warn',
            what: 'Metrics',
            says: 'Their store cannot be asked: charts stay empty.',
            href: '#/stack',
          } as const,
        ]
      : down.map((job) => ({ is: 'warn', what: job, says: 'does not answer Prometheus', href: '#/stack' }) as const)),
  ];
}

function ofFailures({ uses = [] }: HomeFacts): Finding[] {
  return uses
    .filter(({ by_fault: { server = 0 } }) => server > 0)
    .map(({ model, task, count, by_fault: { server = 0 } }) => ({
      is: server / count > 0.01 ? 'bad' : 'warn',
      what: task ? `${model} · ${task}` : model,
      says: `${server} of ${count} requests failed by the server in ${minutes} min`,
      href: hashOf(
        ['requests'],
        new URLSearchParams({ order: 'failed', fault: 'server', model, minutes: String(minutes) }),
      ),
    }));
}

/** Callers who are refused again and again: no alert says so. */
function ofRefusals({ refused = [] }: HomeFacts): Finding[] {
  const groups = Map.groupBy(refused, ({ tenant, failure, status }) => `${tenant ?? 'strangers'} ${failure ?? status}`);
  return [...groups.values()]
    .filter((group) => group.length >= refusedMin)
    .map((group) => {
      const [{ tenant, failure, status }] = group as [(typeof group)[0]];
      const whose = new URLSearchParams({ order: 'failed', fault: 'caller', minutes: String(minutes) });
      if (tenant !== null) whose.set('tenant', tenant);
      if (failure !== null) whose.set('failure', failure);
      return {
        is: 'warn',
        what: tenant ?? 'Strangers',
        says: `${formatValue(group.length, 'none')} requests refused: ${status} ${failure ?? ''}`,
        href: hashOf(['requests'], whose),
        more: ['Quotas', '#/tenants'],
      };
    });
}
