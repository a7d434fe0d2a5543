/** Something that the search leads to. */
export type Found = { kind: string; name: string; says: string; href: string };

/** An id, or a whole traceparent or traceresponse, that stands for its request. */
export function asRequestId(text: string): Found[] {
  const id = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(text)?.[1] ?? text;
  if (!/^[\w.:-]{6,128}$/.test(id)) return [];
  return [{ kind: 'request', name: id, says: 'open by its id', href: `#/requests/${encodeURIComponent(id)}` }];
}
