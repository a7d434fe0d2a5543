import { askJson } from '../asking/ask.ts';
import { queryInstant } from '../asking/backends.ts';
import { element } from '../dom/element.ts';
import { failureNotice, isAbort } from '../dom/notice.ts';
import type { Distribution } from '../explore/ask-requests.ts';
import { every } from '../frame/every.ts';
import { replaceParameters, type View } from '../route.ts';
import { type Blame, blameMatrix } from './blame-matrix.ts';
import { type QuotaClient, quotaTable } from './quota-table.ts';
import { type TenantLine, tenantTable } from './tenant-table.ts';

const everyMs = 5_000;
const minuteChoices = ['5', '15', '60'];

/** Tenants: their quotas and what is left, what they sent and were refused, whom they made wait. */
export const showTenants: View = async (host, { parameters }, signal) => {
  const content = element('div', { class: 'room' });
  const minutes = () => parameters.get('minutes') ?? '15';
  const select = element(
    'select',
    {
      id: 'tenant-minutes',
      onchange: () => {
        parameters.set('minutes', select.value);
        replaceParameters(parameters, true);
        void draw();
      },
    },
    minuteChoices.map((each) => element('option', { value: each, selected: each === minutes() }, `last ${each} min`)),
  );
  host.append(
    element('h1', {}, 'Tenants'),
    element('div', { class: 'control' }, element('label', { for: 'tenant-minutes' }, 'Time'), select),
    content,
  );
  await draw();
  every(everyMs, () => void (content.contains(document.activeElement) || draw()), signal);

  async function draw(): Promise<void> {
    try {
      const [{ clients }, lines, blame] = await Promise.all([
        askJson<{ clients: QuotaClient[] }>('/page/clients', { signal }),
        tenantLines(minutes(), signal),
        askJson<Blame>(`/v1/blame?by=tenant&minutes=${minutes()}`, { signal }),
      ]);
      content.replaceChildren(quotaTable(clients), tenantTable(lines, minutes()), blameMatrix(blame));
    } catch (error) {
      if (!isAbort(error)) content.replaceChildren(failureNotice(error, () => void draw()));
    }
  }
};

/** What each tenant sent, how it ended, and the CPU that it cost. */
async function tenantLines(minutes: string, signal: AbortSignal): Promise<TenantLine[]> {
  const ask = (of: Record<string, string>) =>
    askJson<Distribution>(`/v1/requests/distribution?${new URLSearchParams({ minutes, columns: '1', ...of })}`, {
      signal,
    });
  const [all, cpu] = await Promise.all([
    ask({}),
    queryInstant({ query: `sum by (tenant) (increase(cost_cpu_seconds_total[${minutes}m]))` }, signal).catch(() => []),
  ]);
  const tenants = all.values.tenant ?? [];
  return Promise.all(
    tenants.map(async ({ is, requests, failed }) => {
      const { values } = await ask({ tenant: String(is) });
      return {
        tenant: String(is),
        requests,
        failed,
        failures: values.failure ?? [],
        routes: values.route ?? [],
        cpuSeconds: Number(cpu.find(({ metric }) => metric.tenant === is)?.value[1] ?? Number.NaN),
      };
    }),
  );
}
