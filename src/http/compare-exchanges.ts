import { createServer } from 'node:http';
import { duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import express from 'express';
import { headLine, headValue, joinHead } from '../head-lines.ts';
import type { MakeExchange } from './http-exchange.ts';
import { plainExchange } from './plain-exchange.ts';

/** What `make` does otherwise than the plain exchange; undefined: nothing. */
export async function differenceOf(make: MakeExchange, msMax = 2_000): Promise<string | undefined> {
  const [tried, plain] = await Promise.all([tryOut(make, msMax), tryOut(plainExchange, msMax)]);
  if (tried.failure !== undefined) return `that it fails (${tried.failure})`;
  if (tried.bodies !== plain.bodies) return 'the bodies that it reads';
  if (tried.answers !== plain.answers) return 'the bytes that it sends';
  return undefined;
}

type Tried = { readonly bodies: string; readonly answers: string; readonly failure?: string };

/** Two requests on one connection that is kept until the second ends it. */
async function tryOut(make: MakeExchange, msMax: number): Promise<Tried> {
  const [client, served] = duplexPair();
  const bodies: string[] = [];
  const exchange = make(express(), 5_000);
  const server = createServer(exchange.options, (request, response) => {
    const body: Buffer[] = [];
    orFail(() => {
      exchange.begin(request, response);
      exchange.readBody(request, {
        add: (chunk) => body.push(chunk),
        end: () =>
          orFail(() => {
            bodies.push(Buffer.concat(body).toString());
            const text = `answer ${bodies.length}, idle: ${exchange.answerOn(request.socket) === null}`;
            const bytes = bodies.length === 1 ? text : [Buffer.from(text)];
            exchange.end(response, headOf(text.length), bytes, text.length);
          }),
        fail: () => client.destroy(new Error('it lost a body')),
      });
    });
  });
  const overtime = setTimeout(() => client.destroy(new Error('it did not answer in time')), msMax);
  server.emit('connection', served);
  client.write(requestWith('first', 'keep-alive') + requestWith('second', 'close'));
  try {
    const answers = (await buffer(client)).toString('latin1');
    return { bodies: bodies.join(), answers: answers.replace(/^Date: .{29}\r$/gm, 'Date\r') };
  } catch (error) {
    return { bodies: '', answers: '', failure: error instanceof Error ? error.message : String(error) };
  } finally {
    clearTimeout(overtime);
  }

  function orFail(act: () => void): void {
    try {
      act();
    } catch (error) {
      client.destroy(error as Error);
    }
  }
}

function headOf(size: number) {
  const type = headLine('Content-Type', headValue('text/plain'));
  return joinHead(type, headLine('Content-Length', size));
}

function requestWith(body: string, connection: string): string {
  return `POST / HTTP/1.1\r\nHost: localhost\r\nConnection: ${connection}\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}
