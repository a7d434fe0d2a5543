import type { Request } from 'express';

/** The pattern that the router matched: a path that a caller made up is none. */
export function routeOf(request: Request): string {
  const route: unknown = request.route?.path;
  return typeof route === 'string' ? route : 'unmatched';
}
