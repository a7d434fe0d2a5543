// Imported into a service by a test: SIGUSR2 rejects a promise that nothing waits for, as a defect
// in one request would.

process.on('SIGUSR2', () => void Promise.reject(new Error('nothing waited for this')));
