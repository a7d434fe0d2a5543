import type { AddressInfo, Server } from 'node:net';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';

/** Answers the port it listens on, which is another than asked for when that was 0. */
export function listenOn(
  server: Server,
  bind: string,
  { value, setting }: { value: number; setting: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE'
          ? new ServiceError(
              'invalid_setting',
              say`Cannot listen on ${ours(bind)}:${value}: the port is taken; stop who has it or set ${ours(setting)}.`,
              { cause },
            )
          : cause,
      ),
    );
    server.listen(value, bind, () => resolve((server.address() as AddressInfo).port));
  });
}
