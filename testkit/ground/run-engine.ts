import { once } from 'node:events';
import { DockerEngine } from '../../launcher/ground/docker-engine.ts';

// A program for tests: an engine of its own with a published port, until its input ends.
// Usage: node run-engine.ts <archive of busybox> <image> <port> <text>

const [archive = '', image = '', port = '', text = ''] = process.argv.slice(2);

await using engine = await DockerEngine.start({ network: 'bridged' });
console.log(`folder ${engine.folder}`);
await engine.docker(['load', '--quiet', '--input', archive]);
const answer = `while true; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\n${text}' | nc -l -p 80; done`;
await engine.docker(['run', '--detach', `--publish=127.0.0.1:${port}:80`, image, 'sh', '-c', answer]);
for (;;) {
  const found = await fetch(`http://127.0.0.1:${port}/`).then(
    (response) => response.text(),
    () => '',
  );
  if (found !== '') {
    console.log(`answered ${found}`);
    break;
  }
}
process.stdin.resume();
await once(process.stdin, 'end');
