// A program for the launcher's tests: says that it starts, and answers every request with 200.
// SIGUSR1 would start Node's debugger, so what it should do on signals is given as arguments:
// `ignore-term`, or `silent-after-one` to answer one request only.
import { createServer } from 'node:http';

const [port, ...manners] = process.argv.slice(2);
if (manners.includes('ignore-term')) process.on('SIGTERM', () => console.log('SIGTERM is ignored'));
let answered = 0;
const server = createServer((_, response) => {
  answered += 1;
  if (manners.includes('silent-after-one') && answered > 1) return;
  response.end('well');
});
server.listen(Number(port), '127.0.0.1', () => console.log(`started as ${process.pid}`));
