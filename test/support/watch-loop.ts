// Imported into a service by a test: after SIGUSR2 it says on its console for how long its event loop was held at most since the last time. Counted in the
// thread's own CPU time, so that a machine with much else to do makes it no longer.

let before = process.threadCpuUsage();
let longestUs = 0;

setInterval(() => {
  const { user, system } = process.threadCpuUsage(before);
  longestUs = Math.max(longestUs, user + system);
  before = process.threadCpuUsage();
}, 1).unref();

process.on('SIGUSR2', () => {
  process.stdout.write(`event loop held for ${(longestUs / 1000).toFixed(1)} ms\n`);
  longestUs = 0;
});
