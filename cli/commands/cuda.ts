import { bindingPackage, examineCuda, librariesFolder, obstaclesTo } from '../../launcher/cuda/examine-cuda.ts';
import { installCuda } from '../../launcher/cuda/install-cuda.ts';

/**
 * ONNX Runtime's CUDA provider, put where the binding looks for it; says what is missing then.
 * Answers 0 when CUDA can be used as far as files go.
 */
export async function cuda({ libraries = false, check = false, into }: CudaArguments): Promise<number> {
  const places = { binding: into ?? bindingPackage(), env: process.env };
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Error('interrupted')));
  const say = (text: string) => process.stdout.write(`${text}\n`);
  const state = check
    ? await examineCuda(places)
    : await installCuda({
        ...places,
        index: process.env.PIP_INDEX_URL || 'https://pypi.org/simple',
        libraries,
        signal: stop.signal,
        onStep: say,
      });
  if (state.hasProvider) say(`ONNX Runtime's CUDA provider ${state.version} lies in ${state.bindingFolder}.`);
  const obstacles = obstaclesTo(state);
  for (const obstacle of obstacles) say(obstacle);
  if (obstacles.length > 0) return 1;
  say(
    `All is there. \`vitrine up\` names ${librariesFolder()} to the loader; elsewhere set LD_LIBRARY_PATH to it. Ask for it in model.json: "providers": ["cuda"].`,
  );
  return 0;
}

export type CudaArguments = { libraries?: boolean; check?: boolean; into?: string };
