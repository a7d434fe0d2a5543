import { parseComponentNames } from '../../launcher/components.ts';
import { Progress } from '../../launcher/progress.ts';
import { answerRestartRequests } from '../../launcher/restart-request.ts';
import { Stack } from '../../launcher/stack.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { upDetached } from '../../launcher/up-detached.ts';
import { readConfig } from '../../src/config.ts';

/**
 * Starts the stack and watches over it until a signal ends it; with `detach`, a process in the
 * background does.
 */
export async function up({ only, detach = false }: { only?: string; detach?: boolean }): Promise<number> {
  const names = only === undefined ? undefined : parseComponentNames(only);
  if (detach) return upDetached(readConfig(), only);

  const stop = new AbortController();
  // A second signal changes nothing: npm and the terminal both pass Ctrl-C on, and the stop has
  // deadlines of its own.
  const asked = new Promise<string>((done) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => done(signal));
  });
  const progress = new Progress(process.stdout);
  const stack = await Stack.open({
    autoRestart: true,
    onEvent: (event) => progress.show(event),
    signal: stop.signal,
    ...(names === undefined ? {} : { only: names }),
  });
  const answer = answerRestartRequests(stack, (sentence) => progress.line(sentence));
  process.on('SIGUSR2', () => void answer());
  progress.begin(stack);
  try {
    const starting = stack.up().then(
      () => progress.showUp(stack),
      (error: unknown) => {
        if (!stop.signal.aborted) throw error;
      },
    );
    const signal = await Promise.race([asked, starting.then(() => asked)]);
    progress.line(`Stopping (${signal}), the last started first.`);
    stop.abort(new StackFailure('Cannot go on: the stack is stopping; start it again.'));
    await stack.close();
    await starting;
    progress.line('Everything has stopped.');
    return 0;
  } finally {
    await stack.close();
    progress.close();
  }
}
