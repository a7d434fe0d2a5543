/** The method as it may be repeated: what a caller invents does not get into answers or labels. */
export function knownMethod(method: string): string {
  return methods.has(method) ? method : '_OTHER';
}

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']);
