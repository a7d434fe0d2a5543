import { element } from '../dom/element.ts';
import type { PageFacts } from '../page-facts.ts';
import type { Dashboard } from './dashboard.ts';
import { ownLink } from './own-link.ts';

/**
 * Where a dashboard says that it leads, beside the dashboards with its tags: every dashboard is in
 * the navigation anyway.
 */
export function linksOf(dashboard: Dashboard, facts: PageFacts): HTMLElement[] {
  return (dashboard.links ?? []).flatMap((link) => {
    if (link.type === 'dashboards') return [];
    const target = ownLink(link.url ?? '', facts);
    return target === undefined ? [] : [element('a', { href: target }, link.title)];
  });
}

/** Without the name that all of them begin with. */
export function shortTitle(title: string): string {
  const short = title.replace(/^Vitrine: /, '');
  return `${short.charAt(0).toUpperCase()}${short.slice(1)}`;
}

/** From one dashboard to the next; each stays in its place. */
export function dashboardNavigation(all: readonly { uid: string; title: string }[], current: string): HTMLElement {
  return element(
    'nav',
    { class: 'tabs', 'aria-label': 'Dashboards' },
    all.map(({ uid, title }) =>
      element(
        'a',
        { href: `#/dashboards/${uid}`, 'aria-current': uid === current ? 'page' : undefined },
        shortTitle(title),
      ),
    ),
  );
}
