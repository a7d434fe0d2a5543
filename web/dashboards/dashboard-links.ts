import { element } from '../dom/element.ts';
import type { PageFacts } from '../page-facts.ts';
import type { Dashboard } from './dashboard.ts';
import { ownLink } from './own-link.ts';

/** The links of a dashboard: to those with its tags, and to where they say. */
export function linksOf(
  dashboard: Dashboard,
  all: readonly { uid: string; title: string; tags: string[] }[],
  facts: PageFacts,
): HTMLElement[] {
  return (dashboard.links ?? []).flatMap((link) => {
    if (link.type === 'dashboards') {
      const tagged = all.filter(
        ({ uid, tags }) => uid !== dashboard.uid && (link.tags ?? []).every((tag) => tags.includes(tag)),
      );
      return tagged.map(({ uid, title }) => element('a', { href: `#/dashboards/${uid}` }, shortTitle(title)));
    }
    const target = ownLink(link.url ?? '', facts);
    return target === undefined ? [] : [element('a', { href: target }, link.title)];
  });
}

/** Without the name that all of them begin with. */
export function shortTitle(title: string): string {
  const short = title.replace(/^Vitrine: /, '');
  return `${short.charAt(0).toUpperCase()}${short.slice(1)}`;
}
