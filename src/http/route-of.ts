/** The pattern that the router matched: a path that a caller made up is none. */
export function routeOf(request: { readonly route?: { readonly path?: unknown } }): string {
  const route = request.route?.path;
  return typeof route === 'string' ? route : 'unmatched';
}
