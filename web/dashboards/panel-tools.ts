import { element } from '../dom/element.ts';
import { grafanaLink } from '../grafana-link.ts';
import type { PageFacts } from '../page-facts.ts';
import type { Dashboard, Panel } from './dashboard.ts';
import { ownLink } from './own-link.ts';

/** The buttons and links in a panel's head. */
export function panelTools(
  panel: Panel,
  dashboard: Dashboard,
  facts: PageFacts,
  { onAbout, onTable }: { onAbout: (on: boolean) => void; onTable: (on: boolean) => void },
): HTMLElement {
  const tools = element('div', { class: 'panel-tools' });
  if (panel.description) tools.append(toggle(panel, { name: 'About', sign: 'i' }, onAbout));
  if (['timeseries', 'heatmap'].includes(panel.type))
    tools.append(toggle(panel, { name: 'As a table', sign: '▦' }, onTable));
  for (const { title, url } of panel.links ?? []) {
    const target = ownLink(url, facts);
    if (target !== undefined)
      tools.append(element('a', { href: target, 'aria-label': `${title}: ${panel.title}`, title }, '↗'));
  }
  const grafana = grafanaLink(facts, `/d/${dashboard.uid}?viewPanel=${panel.id}`);
  if (grafana)
    tools.append(element('a', { href: grafana, title: 'In Grafana', 'aria-label': `${panel.title} in Grafana` }, 'G'));
  return tools;
}

function toggle(
  panel: Panel,
  { name, sign }: { name: string; sign: string },
  onChange: (on: boolean) => void,
): HTMLElement {
  const button = element(
    'button',
    {
      type: 'button',
      title: name,
      'aria-label': `${name}: ${panel.title}`,
      'aria-pressed': 'false',
      onclick: () => {
        const on = button.getAttribute('aria-pressed') !== 'true';
        button.setAttribute('aria-pressed', String(on));
        onChange(on);
      },
    },
    sign,
  );
  return button;
}
