import { element } from '../dom/element.ts';
import type { Panel } from './dashboard.ts';
import type { PanelOnPage } from './draw-panel.ts';

/** Puts panels on the grid of their section. `onOpen` is called when a folded row is opened. */
export function placePanels(
  panels: readonly Panel[],
  into: HTMLElement,
  { make, onOpen }: { make: (panel: Panel) => PanelOnPage; onOpen: () => void },
): PanelOnPage[] {
  const onPage: PanelOnPage[] = [];
  let section = newSection(0);
  into.append(section.grid);
  for (const panel of panels) {
    if (panel.type !== 'row') {
      section.add(panel);
      continue;
    }
    section = newSection((panel.gridPos?.y ?? 0) + 1);
    into.append(foldable(panel, section.grid, onOpen));
    for (const inner of panel.panels ?? []) section.add(inner);
  }
  return onPage;

  function newSection(top: number) {
    const grid = element('div', { class: 'grid' });
    const add = (panel: Panel) => {
      const made = make(panel);
      made.host.style.setProperty('--y', String(Math.max(1, (panel.gridPos?.y ?? 0) - top + 1)));
      grid.append(made.host);
      onPage.push(made);
    };
    return { grid, add };
  }
}

/** A row that has no data at all is folded, and says so; its panels say why. */
export function foldEmptyRows(sections: HTMLElement, onPage: readonly PanelOnPage[]): void {
  for (const row of sections.querySelectorAll<HTMLDetailsElement>('.row-panel')) {
    const panels = onPage.filter(({ host }) => row.contains(host));
    const isEmpty = panels.length > 0 && panels.every((panel) => panel.isEmpty);
    if (isEmpty && row.dataset.empty === undefined) row.open = false;
    if (isEmpty) row.dataset.empty = '';
    else delete row.dataset.empty;
  }
}

function foldable(row: Panel, grid: HTMLElement, onOpen: () => void): HTMLElement {
  let isOpen = row.collapsed !== true;
  const section: HTMLDetailsElement = element(
    'details',
    {
      class: 'row-panel',
      open: isOpen,
      ontoggle: () => {
        // The browser also fires this event for a row that begins open.
        if (section.open === isOpen) return;
        isOpen = section.open;
        if (isOpen) onOpen();
      },
    },
    element('summary', {}, element('h2', {}, row.title ?? '')),
    grid,
  );
  return section;
}
