import { askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { emptyNotice } from '../dom/notice.ts';
import type { View } from '../route.ts';
import { shortTitle } from './dashboard-links.ts';
import { showDashboard } from './show-dashboard.ts';

type Listed = { uid: string; title: string; description: string; tags: string[] };

/** Every dashboard by title, or the one that the address names. */
export const showDashboards: View = async (host, route, signal) => {
  const answer = await askJson<{ dashboards: Listed[] }>('/page/dashboards', { signal });
  // The verdict comes first.
  const dashboards = [...answer.dashboards].sort((a, b) => Number(isFirst(b)) - Number(isFirst(a)));
  const [, uid] = route.path;
  if (uid !== undefined) return showDashboard(host, { ...route, path: ['dashboards', uid] }, signal, dashboards);
  host.append(element('h1', {}, 'Dashboards'));
  if (dashboards.length === 0) {
    host.append(emptyNotice('There are no dashboards in VITRINE_DASHBOARDS.'));
    return;
  }
  host.append(
    element(
      'ul',
      { class: 'cards' },
      dashboards.map((each) =>
        element(
          'li',
          {},
          element(
            'a',
            { class: 'card', href: `#/dashboards/${each.uid}` },
            element('strong', {}, shortTitle(each.title)),
            element('span', {}, each.description),
          ),
        ),
      ),
    ),
  );
};

function isFirst({ title }: Listed): boolean {
  return shortTitle(title) === 'Overview';
}
