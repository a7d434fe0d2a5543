import { showAlerts } from './alerts/show-alerts.ts';
import { showRunbook } from './alerts/show-runbook.ts';
import { showDashboards } from './dashboards/show-dashboards.ts';
import { element } from './dom/element.ts';
import { failureNotice, isAbort } from './dom/notice.ts';
import { keyButton } from './key-dialog.ts';
import { showModels } from './models/show-models.ts';
import { showRequests } from './request/show-requests.ts';
import { currentRoute, type View } from './route.ts';
import { finishSignIn } from './sign-in.ts';
import { themeButton } from './theme.ts';
import { showTry } from './try/show-try.ts';

const views: Readonly<Record<string, { title: string; view: View; inNavigation?: false }>> = {
  try: { title: 'Try', view: showTry },
  requests: { title: 'Requests', view: showRequests },
  dashboards: { title: 'Dashboards', view: showDashboards },
  models: { title: 'Models', view: showModels },
  alerts: { title: 'Alerts', view: showAlerts },
  runbooks: { title: 'Runbook', view: showRunbook, inNavigation: false },
};

let leave = new AbortController();
const host = element('main', { id: 'view', tabindex: -1 });
const links = Object.entries(views)
  .filter(([, { inNavigation }]) => inNavigation !== false)
  .map(([name, { title }]) => element('a', { href: `#/${name}`, 'data-view': name }, title));

document.body.append(
  element('a', { class: 'skip', href: '#view', onclick: skipToView }, 'Skip to content'),
  element(
    'header',
    { class: 'top' },
    element('a', { class: 'brand', href: '#/try', 'aria-label': 'Vitrine, first view' }, mark(), 'Vitrine'),
    element('nav', { 'aria-label': 'Views' }, links),
    element('div', { class: 'tools' }, keyButton(redraw), themeButton()),
  ),
  host,
);
addEventListener('hashchange', redraw);
void finishSignIn().then(redraw, (error: unknown) => {
  redraw();
  host.prepend(failureNotice(error, redraw));
});

function redraw(): void {
  leave.abort();
  leave = new AbortController();
  const { signal } = leave;
  const route = currentRoute();
  const name = route.path[0] ?? 'try';
  const known = views[name] ?? views.try!;
  for (const link of links) {
    if (link.dataset.view === (name === 'runbooks' ? 'alerts' : name)) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${known.title} · Vitrine`;
  const view = element('div', { class: `view view-${name}` });
  host.replaceChildren(view);
  void draw(known.view, view, signal, route);
}

async function draw(view: View, into: HTMLElement, signal: AbortSignal, route: ReturnType<typeof currentRoute>) {
  try {
    await view(into, route, signal);
  } catch (error) {
    if (signal.aborted || isAbort(error)) return;
    into.append(failureNotice(error, redraw));
  }
}

function skipToView(event: Event): void {
  event.preventDefault();
  host.focus();
}

function mark(): HTMLElement {
  return element('span', { class: 'mark', 'aria-hidden': 'true' });
}
