// Takes the lock it is given, says whether it got it, and keeps it until its input ends.
import { takeLock } from '../../../launcher/process-lock.ts';

const lock = await takeLock(process.argv[2] ?? '');
process.stdout.write('owner' in lock ? 'refused\n' : 'taken\n');
process.stdin.resume().once('end', async () => {
  if (!('owner' in lock)) await lock.release();
});
