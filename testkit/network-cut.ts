import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type NetworkCut = AsyncDisposable & {
  readonly port: number;
  /** Nothing passes from now on, and nobody is notified: connections stay open and silent. */
  cut(): void;
  /** Connections of the cut break off; new ones pass. */
  heal(): void;
};

/** A way to a port of this machine that can be cut. */
export async function startNetworkCut(to: number): Promise<NetworkCut> {
  const open = new Set<Socket>();
  let isCut = false;
  const server = createServer({ noDelay: true }, (caller) => {
    const target = isCut ? undefined : connect({ port: to, host: '127.0.0.1', noDelay: true });
    for (const socket of [caller, target]) {
      if (!socket) continue;
      open.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        open.delete(socket);
        const other = socket === caller ? target : caller;
        if (!isCut) other?.destroy();
      });
    }
    if (!target) return void caller.pause();
    caller.pipe(target);
    target.pipe(caller);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const heal = () => {
    isCut = false;
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      isCut = true;
      for (const socket of open) {
        socket.unpipe();
        socket.pause();
      }
    },
    heal,
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      heal();
      await closed;
    },
  };
}
