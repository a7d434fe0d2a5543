import process from 'node:process';

// Ends a lane's process when the service that started it is gone, even in the middle of a run.

const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, 500);
