import { element } from './dom/element.ts';
import { failureNotice, isAbort } from './dom/notice.ts';
import { listenForKeys } from './frame/keys.ts';
import { navigation } from './frame/navigation.ts';
import { nameView } from './frame/page-title.ts';
import { paletteButton } from './frame/palette.ts';
import { watchStanding } from './frame/standing.ts';
import { firstView, views } from './frame/views.ts';
import { keyButton } from './key-dialog.ts';
import { currentRoute, type Route } from './route.ts';
import { finishSignIn } from './sign-in.ts';
import { themeButton } from './theme.ts';

let leave = new AbortController();
const host = element('main', { id: 'view', tabindex: -1 });
const nav = navigation();

document.body.append(
  element('a', { class: 'skip', href: '#view', onclick: skipToView }, 'Skip to content'),
  element(
    'header',
    { class: 'top' },
    element(
      'a',
      { class: 'brand', href: `#/${firstView}`, 'aria-label': 'Vitrine, first view' },
      element('span', { class: 'mark', 'aria-hidden': 'true' }),
      'Vitrine',
    ),
    nav.host,
    element('div', { class: 'tools' }, paletteButton(), keyButton(redraw), themeButton()),
  ),
  host,
);
listenForKeys();
addEventListener('hashchange', redraw);
void finishSignIn().then(redraw, (error: unknown) => {
  redraw();
  host.prepend(failureNotice(error, redraw));
});
watchStanding();

function redraw(): void {
  leave.abort();
  leave = new AbortController();
  const route = currentRoute();
  const name = route.path[0] ?? firstView;
  nav.mark(name);
  const view = element('div', { class: `view view-${name}` });
  host.replaceChildren(view);
  scrollTo(0, 0);
  void draw(name, view, route, leave.signal);
}

async function draw(name: string, into: HTMLElement, route: Route, signal: AbortSignal): Promise<void> {
  const known = Object.hasOwn(views, name) ? views[name] : undefined;
  nameView(known?.title ?? 'Not found');
  try {
    if (!known)
      throw new Error(`Cannot show ${JSON.stringify(name)}: there is no view of this name; choose one above.`);
    const view = await loaded(known.load);
    if (!signal.aborted) await view(into, route, signal);
  } catch (error) {
    if (signal.aborted || isAbort(error)) return;
    into.append(failureNotice(error, redraw));
  }
}

/** A view's own file, which another version of the page no longer has. */
async function loaded<Loaded>(load: () => Promise<Loaded>): Promise<Loaded> {
  return load().catch((cause: unknown) => {
    throw new Error('Cannot load this view: the service was restarted with another version of the page; reload it.', {
      cause,
    });
  });
}

function skipToView(event: Event): void {
  event.preventDefault();
  host.focus();
}
