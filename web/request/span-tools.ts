import { element } from '../dom/element.ts';

/** What is done with the spans: search, zoom, and the path that the end waited for. */
export function spanTools(on: {
  onCritical: (on: boolean) => void;
  onZoom: () => void;
  onAll: () => void;
  onSearch: (text: string, next: boolean) => void;
}): { host: HTMLElement; isZoomed: (zoomed: boolean) => void; found: (count: number | undefined) => void } {
  const search = element('input', {
    type: 'search',
    'aria-label': 'Search spans',
    placeholder: 'Search spans',
    maxlength: 100,
    spellcheck: 'false',
    oninput: () => on.onSearch(search.value.trim(), false),
    onkeydown: (event) => (event as KeyboardEvent).key === 'Enter' && on.onSearch(search.value.trim(), true),
  });
  const count = element('span', { class: 'quiet', role: 'status' });
  const critical = element(
    'button',
    {
      type: 'button',
      class: 'small',
      'aria-pressed': 'false',
      title: 'The spans that the end waited for',
      onclick: () => {
        const isOn = critical.getAttribute('aria-pressed') !== 'true';
        critical.setAttribute('aria-pressed', String(isOn));
        on.onCritical(isOn);
      },
    },
    'Critical path',
  );
  const all = element('button', { type: 'button', class: 'small', onclick: on.onAll, hidden: true }, 'Whole trace');
  return {
    host: element(
      'div',
      { class: 'span-tools' },
      search,
      count,
      critical,
      element(
        'button',
        { type: 'button', class: 'small', title: 'The chosen span fills the axis (z)', onclick: on.onZoom },
        'Zoom to span',
      ),
      all,
    ),
    isZoomed: (zoomed) => {
      all.hidden = !zoomed;
    },
    found: (found) => {
      count.textContent = found === undefined ? '' : `${found} found`;
    },
  };
}
