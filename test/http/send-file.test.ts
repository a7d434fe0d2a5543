import assert from 'node:assert/strict';
import { once } from 'node:events';
import { open, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import express from 'express';
import { sendFile } from '../../src/http/send-file.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const bytes = 300_000;

describe('a file as an answer', () => {
  it('is answered to its end where the caller leaves as soon as it has the last byte', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'result');
    await writeFile(file, Buffer.alloc(bytes, 'x'));
    const finished: boolean[] = [];
    const app = express().get('/', async (_request, response) => {
      response.on('close', () => finished.push(response.writableFinished));
      await using handle = await open(file, 'r');
      response.setHeader('Content-Length', bytes);
      await sendFile(response, handle, 10_000);
    });
    const server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    for (let count = 1; count <= 50; count += 1) {
      const socket = connect(port, '127.0.0.1');
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      let left = Number.POSITIVE_INFINITY;
      let head = '';
      socket.on('data', (chunk: Buffer) => {
        if (left === Number.POSITIVE_INFINITY) {
          head += chunk.toString('latin1');
          const end = head.indexOf('\r\n\r\n');
          if (end >= 0) left = bytes - (head.length - end - 4);
        } else left -= chunk.length;
        if (left === 0) socket.destroy();
      });
      await once(socket, 'close');
    }
    server.close();
    await once(server, 'close');
    assert.equal(finished.length, 50);
    assert.ok(finished.every(Boolean), `${finished.filter((one) => !one).length} of 50 were taken for unfinished`);
  });
});
