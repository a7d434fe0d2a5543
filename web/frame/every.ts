/** Does it every so often, while the page is seen and until `signal` says otherwise. */
export function every(ms: number, act: () => void, signal: AbortSignal): void {
  const timer = setInterval(() => {
    if (!document.hidden) act();
  }, ms);
  signal.addEventListener('abort', () => clearInterval(timer));
}
