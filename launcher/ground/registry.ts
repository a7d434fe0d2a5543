import { CommandFailed } from '../run-command.ts';
import { StackFailure } from '../stack-failure.ts';
import { DockerEngine } from './docker-engine.ts';
import type { WrittenImage } from './image-archive.ts';

const registryMsMax = 2_000;

/** Whether Docker's registry can be reached; VITRINE_IMAGES decides it where it is set. */
export async function registryAnswers(env: NodeJS.ProcessEnv): Promise<boolean> {
  if (env.VITRINE_IMAGES === 'here') return false;
  if (env.VITRINE_IMAGES === 'registry') return true;
  try {
    const answer = await fetch('https://registry-1.docker.io/v2/', { signal: AbortSignal.timeout(registryMsMax) });
    await answer.body?.cancel();
    return answer.headers.has('docker-distribution-api-version');
  } catch {
    return false; // Without a way there, or behind a page that asks for a login.
  }
}

/** The official image, as an archive like those that are made here. */
export async function pullImage(
  name: string,
  file: string,
  { signal }: { readonly signal: AbortSignal | undefined },
): Promise<WrittenImage> {
  await using engine = await DockerEngine.start({ network: 'shared', signal });
  try {
    await engine.docker(['pull', '--quiet', name], { signal });
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    throw new StackFailure(
      `Cannot pull ${name}: its registry does not give it (${error.output.trim().split('\n').at(-1)}); connect to the registry, or set VITRINE_IMAGES=here, which makes the images on this machine.`,
      { cause: error },
    );
  }
  await engine.docker(['save', '--output', file, name], { signal });
  const format = '{{.Id}} {{.Size}}';
  const [id = '', bytes] = (await engine.docker(['image', 'inspect', '--format', format, name])).trim().split(' ');
  return { name, id, file, bytes: Number(bytes) };
}
