import type { View } from '../route.ts';

type Listed = {
  title: string;
  /** Of the key that leads there after g; only views of the navigation have one. */
  key?: string;
  /** The view of the navigation that this one belongs to. */
  within?: string;
  load: () => Promise<View>;
};

export const firstView = 'home';

/** Every view by its name in the address; each is loaded when it is opened. */
export const views: Readonly<Record<string, Listed>> = {
  home: { title: 'Home', key: 'h', load: async () => (await import('../home/show-home.ts')).showHome },
  requests: {
    title: 'Requests',
    key: 'r',
    load: async () => (await import('../explore/show-requests.ts')).showRequests,
  },
  alerts: { title: 'Alerts', key: 'a', load: async () => (await import('../alerts/show-alerts.ts')).showAlerts },
  dashboards: {
    title: 'Dashboards',
    key: 'd',
    load: async () => (await import('../dashboards/show-dashboards.ts')).showDashboards,
  },
  models: { title: 'Models', key: 'm', load: async () => (await import('../models/show-models.ts')).showModels },
  lanes: { title: 'Lanes', key: 'l', load: async () => (await import('../lanes/show-lanes.ts')).showLanes },
  jobs: { title: 'Jobs', key: 'j', load: async () => (await import('../jobs/show-jobs.ts')).showJobs },
  tenants: { title: 'Tenants', key: 'n', load: async () => (await import('../tenants/show-tenants.ts')).showTenants },
  stack: { title: 'Stack', key: 's', load: async () => (await import('../stack/show-stack.ts')).showStack },
  queries: { title: 'Queries', key: 'q', load: async () => (await import('../queries/show-queries.ts')).showQueries },
  try: { title: 'Try', key: 't', load: async () => (await import('../try/show-try.ts')).showTry },
  'what-if': {
    title: 'What if',
    within: 'models',
    load: async () => (await import('../what-if/show-what-if.ts')).showWhatIf,
  },
  compare: {
    title: 'Two requests',
    within: 'requests',
    load: async () => (await import('../explore/show-two.ts')).showTwo,
  },
  runbooks: {
    title: 'Runbook',
    within: 'alerts',
    load: async () => (await import('../alerts/show-runbook.ts')).showRunbook,
  },
  reference: {
    title: 'Reference',
    within: 'home',
    load: async () => (await import('../reference/show-reference.ts')).showReference,
  },
};
