// Builds the tiny server of build-server.stack.test.ts in a process of its own, and says what
// happened.
import { ensureServer } from '../../../launcher/servers/ensure-server.ts';
import { tinyServer } from './tiny-server.ts';

const phases: string[] = [];
const folder = await ensureServer(tinyServer, {
  root: process.argv[2] ?? '',
  onProgress: (progress) => phases.push(progress.phase === 'done' ? `done ${progress.found?.way}` : progress.phase),
});
process.stdout.write(JSON.stringify({ folder, phases }));
