import { isMainThread } from 'node:worker_threads';

// Imported into a service by a test: after SIGUSR2 it says on its console for how long its event
// loop was held at most since the last time, and when that was. Counted in the thread's own CPU
// time, so that a machine with much else to do makes it no longer.

// Every thread of the service imports it, and a timer in each took more than all their work.
if (isMainThread) watchLoop();

function watchLoop(): void {
  let before = process.threadCpuUsage();
  let at = Date.now();
  let longest = { us: 0, from: at, to: at };

  setInterval(() => {
    const { user, system } = process.threadCpuUsage(before);
    const now = Date.now();
    if (user + system > longest.us) longest = { us: user + system, from: at, to: now };
    before = process.threadCpuUsage();
    at = now;
  }, 1).unref();

  process.on('SIGUSR2', () => {
    const { us, from, to } = longest;
    process.stdout.write(`event loop held for ${(us / 1000).toFixed(1)} ms from ${from} to ${to}\n`);
    longest = { us: 0, from: at, to: at };
  });
}
