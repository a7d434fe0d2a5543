/**
 * The answers that came over one connection, one after the other, and the first thing in them that
 * must not be.
 */
export function readAnswers(received: Buffer): { statuses: string[]; fault: string | undefined } {
  const statuses: string[] = [];
  let at = 0;
  while (at < received.length) {
    const headEnd = received.indexOf('\r\n\r\n', at);
    const head = received.toString('latin1', at, headEnd < 0 ? received.length : headEnd);
    const status = /^HTTP\/1\.1 (\d{3}) [^\r\n]*(?:\r\n|$)/.exec(head)?.[1];
    if (status === undefined || headEnd < 0)
      return { statuses, fault: `stray bytes after ${statuses.length} answers: ${JSON.stringify(head.slice(0, 100))}` };
    statuses.push(status);
    const bodyStart = headEnd + 4;
    const body = bodyOf(received, bodyStart, head, status);
    if (body === undefined) return { statuses, fault: undefined };
    const fault = faultOf(status, head, body.text);
    if (fault !== undefined) return { statuses, fault };
    at = body.end;
  }
  return { statuses, fault: undefined };
}

/** Undefined where what follows is ambiguous: the answer to HEAD, or one that was cut off. */
function bodyOf(
  received: Buffer,
  start: number,
  head: string,
  status: string,
): { text: string; end: number } | undefined {
  if (status.startsWith('1') || status === '204' || status === '304') return { text: '', end: start };
  if (/^transfer-encoding: chunked/im.test(head)) {
    const end = received.indexOf('\r\n0\r\n\r\n', start - 2);
    return end < 0 ? undefined : { text: '', end: end + 7 };
  }
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length === undefined) return undefined;
  const end = start + Number(length);
  // HEAD is answered with the length of what GET would be.
  if (end > received.length || received.subarray(start, start + 9).toString() === 'HTTP/1.1 ') return undefined;
  return { text: received.toString('utf8', start, end), end };
}

/** A failure is a sentence with a code, and none of them is ours. */
function faultOf(status: string, head: string, text: string): string | undefined {
  if (Number(status) < 400) return undefined;
  // GET /metrics says where the metrics are, in the form that who asks can read.
  if (text.startsWith('Metrics leave ')) return undefined;
  if (!/^content-type: application\/json/im.test(head)) return `${status} is no JSON: ${head.slice(0, 200)}`;
  let told: { error?: unknown; code?: unknown };
  try {
    told = JSON.parse(text) as typeof told;
  } catch {
    return `${status} with ${text.slice(0, 200)}`;
  }
  // Health checks answer with their report.
  if (told.code === undefined && 'status' in told) return undefined;
  if (typeof told.error !== 'string' || !told.error.startsWith('Cannot '))
    return `${status} with ${text.slice(0, 300)}`;
  return status === '500' ? `${status} with ${text.slice(0, 300)}` : undefined;
}
