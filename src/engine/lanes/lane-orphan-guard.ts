import process from 'node:process';
import { workerData } from 'node:worker_threads';

// Ends a lane's process when the service that started it is gone, even in the middle of a run. The
// service names itself: it may be gone before this thread runs for the first time.

const { parent } = workerData as { parent: number };

endWithoutParent();
setInterval(endWithoutParent, 500);

function endWithoutParent(): void {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}
