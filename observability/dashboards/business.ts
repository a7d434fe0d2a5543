import { increaseBy, rateBy, series } from '../promql.ts';
import { tracesLink } from './explore-link.ts';
import { bargauge, type DashboardPlan, stat, table, timeseries } from './panel.ts';
import { now, over, rows } from './query.ts';
import { ofTenant, ofWaiter } from './selections.ts';

const noWork = 'a request was charged';
const noGpuWork = 'a model ran on a GPU';
const kilowattHour = 3_600_000;

/** What was used by whom, and what it cost. */
export const business: DashboardPlan = {
  name: 'business',
  title: 'Vitrine: business',
  says: 'Who uses what: requests, seconds of audio, CPU, GPU and energy by tenant and model. All figures are exact counters, none is sampled.',
  tags: ['cost'],
  variables: ['tenant', 'model', 'instance'],
  lines: [
    {
      height: 4,
      panels: [
        stat({
          title: 'Requests',
          says: 'In the dashboard’s time.',
          queries: [now(increaseBy('costRequests', [], ofTenant))],
          unit: 'short',
          decimals: 0,
          width: 4,
          onlyAfter: noWork,
        }),
        stat({
          title: 'Tenants',
          says: 'Who has sent requests since the service began.',
          queries: [now(`count(sum by (tenant) (${series('costRequests', ofTenant)}) > 0)`)],
          unit: 'short',
          width: 4,
          onlyAfter: noWork,
        }),
        stat({
          title: 'Audio',
          says: 'Seconds of sound taken or made in the dashboard’s time.',
          queries: [now(increaseBy('costAudio', [], ofTenant))],
          unit: 's',
          width: 4,
          onlyAfter: 'a sound was taken or made',
        }),
        stat({
          title: 'CPU time',
          says: 'Of lanes, in the dashboard’s time.',
          queries: [now(increaseBy('costCpu', [], ofTenant))],
          unit: 's',
          width: 4,
          onlyAfter: noWork,
        }),
        stat({
          title: 'GPU time',
          says: 'In the dashboard’s time.',
          queries: [now(increaseBy('costGpu', [], ofTenant))],
          unit: 's',
          width: 4,
          onlyAfter: noGpuWork,
        }),
        stat({
          title: 'Energy of GPUs',
          says: 'Charged to requests in the dashboard’s time; 3.6 million joules are a kilowatt-hour.',
          queries: [now(increaseBy('costEnergy', [], ofTenant))],
          unit: 'joule',
          width: 4,
          onlyAfter: noGpuWork,
        }),
      ],
    },
    {
      title: 'By tenant',
      height: 8,
      panels: [
        timeseries({
          title: 'Requests by tenant',
          says: 'A second.',
          queries: [over(rateBy('costRequests', ['tenant'], ofTenant), '{{tenant}}')],
          unit: 'reqps',
          width: 8,
          stacked: true,
          onlyAfter: noWork,
          links: [tracesLink('Traces of this tenant', `{ span.tenant = "\${__field.labels.tenant}" }`)],
        }),
        timeseries({
          title: 'CPU by tenant',
          says: 'Of one core: 100 % is one core kept busy.',
          queries: [over(rateBy('costCpu', ['tenant'], ofTenant), '{{tenant}}')],
          unit: 'percentunit',
          width: 8,
          stacked: true,
          onlyAfter: noWork,
        }),
        timeseries({
          title: 'Audio by tenant',
          says: 'Seconds of sound a second.',
          queries: [over(rateBy('costAudio', ['tenant'], ofTenant), '{{tenant}}')],
          unit: 'short',
          width: 8,
          stacked: true,
          onlyAfter: 'a sound was taken or made',
        }),
      ],
    },
    {
      title: 'Waiting',
      height: 8,
      panels: [
        table({
          title: 'Who made whom wait',
          says: 'Seconds that requests of a tenant waited for lanes, by whose batches held them, in the dashboard’s time. (nobody): no batch held a lane then, as on the way to an idle one.',
          queries: [rows(`${increaseBy('waitsOfTenants', ['tenant', 'holder'], ofWaiter)} > 0`)],
          unit: 's',
          width: 12,
          columns: { tenant: 'Waiting', holder: 'Held by', Value: 'Waited' },
          largestFirst: 'Waited',
          onlyAfter: 'a request waited for a lane',
        }),
        timeseries({
          title: 'Waits by waiter and holder',
          says: 'Seconds waited a second: 100 % is one request that waits all the time.',
          queries: [over(rateBy('waitsOfTenants', ['tenant', 'holder'], ofWaiter), '{{tenant}} for {{holder}}')],
          unit: 'percentunit',
          width: 12,
          stacked: true,
          onlyAfter: 'a request waited for a lane',
        }),
      ],
    },
    {
      title: 'By model',
      height: 8,
      panels: [
        table({
          title: 'What was used',
          says: 'By tenant and model, in the dashboard’s time.',
          queries: [
            rows(increaseBy('costRequests', ['tenant', 'model'], ofTenant)),
            rows(increaseBy('costCpu', ['tenant', 'model'], ofTenant)),
            rows(increaseBy('costGpu', ['tenant', 'model'], ofTenant), 'GPU'),
            rows(`${increaseBy('costEnergy', ['tenant', 'model'], ofTenant)} / ${kilowattHour}`, 'kWh'),
            rows(increaseBy('costBytes', ['tenant', 'model'], ofTenant)),
            rows(increaseBy('costAudio', ['tenant', 'model'], ofTenant)),
          ],
          unit: 'short',
          width: 16,
          columns: {
            tenant: 'Tenant',
            model: 'Model',
            'Value #A': 'Requests',
            'Value #B': 'CPU',
            'Value #C': 'GPU',
            'Value #D': 'kWh',
            'Value #E': 'Bytes',
            'Value #F': 'Audio',
          },
          columnUnits: { CPU: 's', GPU: 's', Bytes: 'bytes', Audio: 's' },
          wholeColumns: ['Requests'],
          onlyAfter: noWork,
        }),
        bargauge({
          title: 'CPU seconds a request',
          says: 'By model: what one request costs on average.',
          queries: [
            now(
              `${increaseBy('costCpu', ['model'], ofTenant)} / (${increaseBy('costRequests', ['model'], ofTenant)} > 0)`,
              '{{model}}',
            ),
          ],
          unit: 's',
          min: 0,
          width: 8,
          onlyAfter: noWork,
        }),
      ],
    },
    {
      height: 8,
      panels: [
        timeseries({
          title: 'Energy by model',
          says: 'Joules a second, i.e. watts, of GPUs.',
          queries: [over(rateBy('costEnergy', ['model'], ofTenant), '{{model}}')],
          unit: 'watt',
          width: 8,
          stacked: true,
          onlyAfter: noGpuWork,
        }),
        timeseries({
          title: 'GPU time by model',
          says: 'Of one GPU: 100 % is one GPU kept busy.',
          queries: [over(rateBy('costGpu', ['model'], ofTenant), '{{model}}')],
          unit: 'percentunit',
          width: 8,
          stacked: true,
          onlyAfter: noGpuWork,
        }),
        timeseries({
          title: 'Bytes by model',
          says: 'In and out, a second.',
          queries: [over(rateBy('costBytes', ['model'], ofTenant), '{{model}}')],
          unit: 'Bps',
          width: 8,
          stacked: true,
          onlyAfter: noWork,
        }),
      ],
    },
  ],
};
