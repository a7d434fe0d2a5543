import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Imported into a service by the fuzz: after SIGWINCH it collects its garbage and says on its
// console, as JSON, what its memory is made of.

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

process.on('SIGWINCH', () => {
  collect();
  process.stdout.write(`memory is made of ${JSON.stringify(process.memoryUsage())}\n`);
});
