import type { Socket } from 'node:net';

/** What a caller speaks, by its first byte. */
export type Spoken = 'tls' | 'http' | 'other';

/** A record of TLS with a handshake or an alert. */
const handshake = 0x16;
const alert = 0x15;

/** Looks at the first byte and leaves it where it was; a caller that sends none is not reported. */
export function onFirstByte(socket: Socket, spoken: (what: Spoken) => void): void {
  socket.once('readable', () => {
    const first = socket.read(1) as Buffer | null;
    if (first === null) return;
    socket.unshift(first);
    spoken(spokenBy(first[0]!));
  });
}

export function spokenBy(byte: number): Spoken {
  if (byte === handshake || byte === alert) return 'tls';
  // Every method begins with a capital letter; some clients send an empty line before it.
  return (byte >= 0x41 && byte <= 0x5a) || byte === 0x0d || byte === 0x0a ? 'http' : 'other';
}
