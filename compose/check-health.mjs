// Asks the process in this container for its health, and ends with 0 when it answers 2xx. The image
// has neither curl nor wget.
// Usage: node check-health.mjs [PORT [PATH]]; without them, the service at VITRINE_PORT.
const [port = process.env.VITRINE_PORT || '8000', path = '/health'] = process.argv.slice(2);
const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(8_000) }).catch(
  (error) => error,
);
if (!answer.ok) {
  console.error(answer instanceof Error ? String(answer.cause ?? answer) : `${answer.status} ${await answer.text()}`);
  process.exitCode = 1;
}
