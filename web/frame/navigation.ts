import { element } from '../dom/element.ts';
import { onStanding, type Standing } from './standing.ts';
import { views } from './views.ts';

/** The views, each with its state where it has one. `mark` says which is open. */
export function navigation(): { host: HTMLElement; mark: (view: string) => void } {
  const links = Object.entries(views)
    .filter(([, { within }]) => within === undefined)
    .map(([name, { title, key }]) =>
      element('a', { href: `#/${name}`, 'data-view': name, title: `${title} (g ${key})` }, title),
    );
  const badges = new Map<string, HTMLElement>();
  onStanding((standing) => {
    for (const link of links) {
      const name = link.dataset.view!;
      const badge = badgeOf(name, standing);
      badges.get(name)?.remove();
      if (!badge) continue;
      badges.set(name, badge);
      link.append(badge);
    }
  });
  return {
    host: element('nav', { 'aria-label': 'Views' }, links),
    mark: (view) => {
      const open = views[view]?.within ?? view;
      for (const link of links) {
        if (link.dataset.view === open) link.setAttribute('aria-current', 'page');
        else link.removeAttribute('aria-current');
      }
    },
  };
}

function badgeOf(view: string, { alerts, calling, health }: Standing): HTMLElement | undefined {
  if (view === 'alerts' && alerts !== undefined && alerts.length > 0)
    return sign(String(alerts.length), calling > 0 ? 'bad' : 'quiet', `${alerts.length} active`);
  if (view === 'home' && health !== undefined && health.status !== 'healthy')
    return sign('!', health.status === 'warning' ? 'warn' : 'bad', `the service is ${health.status}`);
  return undefined;
}

function sign(text: string, kind: string, says: string): HTMLElement {
  return element(
    'span',
    { class: `nav-badge ${kind}`, title: says },
    element('span', { 'aria-hidden': 'true' }, text),
    element('span', { class: 'hidden-text' }, ` ${says}`),
  );
}
