import { AskFailure } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { busyNotice, emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import type { View } from '../route.ts';
import { drawComparison } from './compare-card.ts';
import { listRequests, type RequestOrder } from './flight-record.ts';
import { type ChosenRequests, requestControls } from './request-controls.ts';
import { requestTable } from './request-table.ts';
import { storeSearches } from './search-stores.ts';
import { showRequest } from './show-request.ts';

/**
 * The last requests of the flight recorder and the searches of the stores; or the one request that
 * the address names.
 */
export const showRequests: View = async (host, route, signal) => {
  const [, id] = route.path;
  if (id !== undefined) return showRequest(host, id, signal);
  const { parameters } = route;
  const chosen: ChosenRequests = {
    order: (parameters.get('order') ?? 'recent') as RequestOrder,
    model: parameters.get('model') ?? '',
    minutes: Number(parameters.get('minutes') ?? 60),
  };
  const list = element('div', { class: 'list', 'aria-live': 'polite' });
  const comparison = element('div', {});
  const draw = async () => {
    if (await drawRequests(list, chosen, signal)) await drawComparison(comparison, chosen, signal);
    else comparison.replaceChildren();
  };
  host.append(
    element('h1', {}, 'Requests'),
    requestControls(chosen, parameters, () => void draw()),
    comparison,
    list,
    ...storeSearches(parameters, signal),
  );
  await draw();
};

/** Answers whether there are any. */
async function drawRequests(list: HTMLElement, chosen: ChosenRequests, signal: AbortSignal): Promise<boolean> {
  list.replaceChildren(busyNotice('Asking the flight recorder …'));
  try {
    const requests = await listRequests({ ...chosen, count: 50 }, signal);
    const what = chosen.order === 'failed' ? 'failed' : 'remembered';
    list.replaceChildren(
      requests.length > 0
        ? requestTable(requests, 'Requests')
        : emptyNotice(
            `No request ${what} in the last ${chosen.minutes} minutes. `,
            element('a', { href: '#/try' }, 'Make one'),
          ),
    );
    return requests.length > 0;
  } catch (error) {
    if (isAbort(error)) return false;
    const isOff = error instanceof AskFailure && error.status === 404;
    list.replaceChildren(
      isOff
        ? emptyNotice('The flight recorder is off: with OTEL_SDK_DISABLED nothing is remembered.')
        : failureNotice(error, () => void drawRequests(list, chosen, signal)),
    );
    return false;
  }
}
