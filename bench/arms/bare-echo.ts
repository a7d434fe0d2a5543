import { createServer } from 'node:http';

// The limit for large tensors: read the body whole, write it back, do nothing else.

const [port = '0'] = process.argv.slice(2);
createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks);
    response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': body.length });
    response.end(body);
  });
}).listen(Number(port), '127.0.0.1', () => console.log('ready'));
