import { readdir } from 'node:fs/promises';

/** How many GPUs the kernel shows: NVIDIA's by its driver's folder, AMD's by the compute nodes with memory of their own. */
export async function gpuCount(): Promise<number> {
  const [nvidia, render] = await Promise.all([
    namesIn('/proc/driver/nvidia/gpus'),
    // A display adapter alone has no compute node.
    namesIn('/sys/class/kfd/kfd/topology/nodes'),
  ]);
  // Node 0 of AMD's topology is the processor itself.
  return nvidia.length + Math.max(0, render.length - 1);
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
