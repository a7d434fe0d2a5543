import { askPort, type Way } from '../launcher/ask-port.ts';
import { bindingPackage, examineCuda, obstaclesTo } from '../launcher/cuda/examine-cuda.ts';

type Finding = { good: boolean; text: string };

type GpuCheck = {
  readonly count?: number;
  readonly providers?: Readonly<Record<string, number>>;
  readonly message?: string;
  readonly fell_back?: readonly unknown[];
};

/** Whether ONNX Runtime could use a GPU of NVIDIA; nobody wants it without provider and driver. */
export async function examineProvider(): Promise<Finding> {
  const state = await examineCuda({ binding: bindingPackage(), env: process.env });
  if (!state.hasProvider && !state.hasDriver)
    return {
      good: true,
      text: 'Models run on the processor: neither a driver of NVIDIA nor ONNX Runtime’s CUDA is here',
    };
  const obstacles = obstaclesTo(state);
  return obstacles.length === 0
    ? { good: true, text: `ONNX Runtime’s CUDA provider ${state.version}, CUDA’s libraries and a driver are here` }
    : { good: false, text: `CUDA cannot be used: ${obstacles.join(' ').replace(/\.$/, '')}` };
}

/** On what the models of the running service run, and why not on what they ask for. */
export async function examineUse(service: Way): Promise<Finding[]> {
  const gpu = await gpuCheckOf(service);
  if (gpu?.providers === undefined) return [];
  const on = Object.entries(gpu.providers).map(([provider, count]) => `${count} on ${provider}`);
  const text = `Models run: ${on.join(', ') || 'none'}; GPUs that the service sees: ${gpu.count ?? 0}`;
  if (gpu.fell_back === undefined) return [{ good: true, text }];
  return [{ good: false, text: `${text}; ${(gpu.message ?? '').replace(/\.$/, '')}` }];
}

async function gpuCheckOf(service: Way): Promise<GpuCheck | undefined> {
  try {
    const { text } = await askPort(service, '/health/detailed', { timeoutMs: 5_000 });
    return (JSON.parse(text) as { checks?: { gpu?: GpuCheck } }).checks?.gpu;
  } catch {
    // That it does not answer is a finding of its own.
    return undefined;
  }
}
