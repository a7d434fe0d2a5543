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
  on: {
    onAbout: (on: boolean) => void;
    onTable: (on: boolean) => void;
    onQuery: () => void;
    onSave: () => void;
  },
): HTMLElement {
  const tools = element('div', { class: 'panel-tools' });
  if (panel.description) tools.append(toggle(panel, { name: 'About', sign: 'i' }, on.onAbout));
  if (['timeseries', 'state-timeline', 'heatmap'].includes(panel.type))
    tools.append(toggle(panel, { name: 'As a table', sign: '▦' }, on.onTable));
  if (panel.type === 'timeseries') tools.append(press(panel, { name: 'Save as CSV', sign: '↓' }, on.onSave));
  if ((panel.targets ?? []).length > 0) tools.append(press(panel, { name: 'Its query', sign: '?' }, on.onQuery));
  const runbook = /Runbook: (\S+)$/.exec(panel.description ?? '')?.[1];
  for (const { title, url } of [...(runbook ? [{ title: 'Runbook', url: runbook }] : []), ...(panel.links ?? [])]) {
    const target = ownLink(url, facts);
    if (target !== undefined)
      tools.append(element('a', { href: target, 'aria-label': `${title}: ${panel.title}`, title }, '↗'));
  }
  const grafana = grafanaLink(facts, `/d/${dashboard.uid}?viewPanel=${panel.id}`);
  if (grafana)
    tools.append(element('a', { href: grafana, title: 'In Grafana', 'aria-label': `${panel.title} in Grafana` }, 'G'));
  return tools;
}

function press(panel: Panel, { name, sign }: { name: string; sign: string }, onclick: () => void): HTMLElement {
  return element('button', { type: 'button', title: name, 'aria-label': `${name}: ${panel.title}`, onclick }, sign);
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
