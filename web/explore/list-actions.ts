import { element } from '../dom/element.ts';
import { failureNotice } from '../dom/notice.ts';
import { saveFile } from '../dom/save-file.ts';
import type { ListedRequest } from '../request/flight-record.ts';
import { hashOf } from '../route.ts';
import { asCsv } from './as-csv.ts';
import type { ChosenRequests } from './chosen-requests.ts';

/** What is done with the list: live, refresh, export, and one request by its id. */
export function listActions({
  chosen,
  requests,
  onRefresh,
}: {
  chosen: ChosenRequests;
  requests: () => Promise<ListedRequest[]>;
  onRefresh: () => void;
}): HTMLElement {
  const live = element(
    'button',
    {
      type: 'button',
      class: 'small live',
      'aria-pressed': String(chosen.isLive),
      onclick: () => {
        chosen.set({ live: chosen.isLive ? '' : '1', ...(!chosen.isLive && { from: '', to: '' }) });
        live.setAttribute('aria-pressed', String(chosen.isLive));
        onRefresh();
      },
    },
    'Live',
  );
  const host = element(
    'div',
    { class: 'controls' },
    live,
    element('button', { type: 'button', class: 'small', onclick: onRefresh }, 'Refresh'),
    exportButton('JSON', async () =>
      saveFile('requests.json', 'application/json', JSON.stringify(await requests(), null, 2)),
    ),
    exportButton('CSV', async () => saveFile('requests.csv', 'text/csv', asCsv(await requests()))),
    openById(),
  );
  return host;

  function exportButton(kind: string, save: () => Promise<void>): HTMLElement {
    return element(
      'button',
      {
        type: 'button',
        class: 'small',
        title: `Save what is chosen, at most 1000, as ${kind}`,
        onclick: () => void save().catch((error: unknown) => host.after(failureNotice(error))),
      },
      kind,
    );
  }
}

function openById(): HTMLElement {
  const search = element('input', {
    id: 'request-id',
    type: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'request or trace id',
    'aria-label': 'Open by id',
    maxlength: 128,
  });
  const open = (event: Event) => {
    event.preventDefault();
    // A whole traceparent or traceresponse stands for its trace.
    const given = search.value.trim();
    const traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(given)?.[1] ?? given;
    if (traceId !== '') location.hash = hashOf(['requests', traceId]);
  };
  return element(
    'form',
    { class: 'row', onsubmit: open },
    search,
    element('button', { type: 'submit', class: 'small' }, 'Open'),
  );
}
