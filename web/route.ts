/** Where the person is: the part of the address behind #, as a path and parameters. */
export type Route = { path: readonly string[]; parameters: URLSearchParams };

/**
 * Draws into `host` until `signal` says that the person went elsewhere: then its questions and
 * timers end.
 */
export type View = (host: HTMLElement, route: Route, signal: AbortSignal) => Promise<void> | void;

export function currentRoute(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  return {
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map(decoded),
    parameters: new URLSearchParams(query),
  };
}

export function hashOf(path: readonly string[], parameters: URLSearchParams = new URLSearchParams()): string {
  const query = parameters.toString();
  return `#/${path.map(encodeURIComponent).join('/')}${query === '' ? '' : `?${query}`}`;
}

/**
 * Changes the address without a redraw. What a person chose is a step that Back undoes; what a view
 * only writes down is none.
 */
export function replaceParameters(parameters: URLSearchParams, isStep = false): void {
  const hash = hashOf(currentRoute().path, parameters);
  if (hash === location.hash) return;
  if (isStep) history.pushState(null, '', hash);
  else history.replaceState(null, '', hash);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Somebody typed a lone %: then it is meant as it is.
    return part;
  }
}
