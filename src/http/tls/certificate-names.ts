import type { TLSSocket } from 'node:tls';

/** Of connections whose client certificate was verified. */
const namesOf = new WeakMap<object, readonly string[]>();

const none: readonly string[] = [];

/**
 * Remembers the names of a verified client certificate for every request of its connection; `of`:
 * what requests know their connection by.
 */
export function rememberNames(socket: TLSSocket, of: object = socket): void {
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return;
  namesOf.set(of, [
    ...alternativeNames(certificate.subjectAltName ?? ''),
    ...[...certificate.subject.matchAll(/^CN=(.+)$/gm)].map(([, name]) => `cn:${name}`),
  ]);
}

/** The same of a connection by which another process passes a request on. */
export function rememberPassedNames(socket: object, names: readonly string[]): void {
  namesOf.set(socket, names);
}

/**
 * The names in the verified client certificate of a connection, each with its kind: dns:, uri:,
 * email: or cn:. Empty without one.
 */
export function certificateNames(socket: object): readonly string[] {
  return namesOf.get(socket) ?? none;
}

/** A connection within the process has the names of the one that it was opened for. */
export function inheritNames(from: object, to: object): void {
  const names = namesOf.get(from);
  if (names) namesOf.set(to, names);
}

const kinds: Readonly<Record<string, string>> = { DNS: 'dns', URI: 'uri', email: 'email' };

/** Node's text of them: a name with a comma or a quotation mark in it is quoted as in JSON. */
export function alternativeNames(text: string): string[] {
  const names: string[] = [];
  for (const [, kind = '', value = ''] of text.matchAll(/(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)/g)) {
    const prefix = kinds[kind];
    if (prefix !== undefined) names.push(`${prefix}:${value.startsWith('"') ? JSON.parse(value) : value}`);
  }
  return names;
}
