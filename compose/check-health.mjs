// Asks one address and ends with 0 when it answers 2xx: the health check inside a container that has neither curl nor wget.
const answer = await fetch(process.argv[2], { signal: AbortSignal.timeout(8_000) }).catch((error) => error);
if (!answer.ok) {
  console.error(answer instanceof Error ? String(answer.cause ?? answer) : `${answer.status} ${await answer.text()}`);
  process.exitCode = 1;
}
