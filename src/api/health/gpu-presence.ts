import { procNames } from '../../proc.ts';

/**
 * How many GPUs the kernel shows: NVIDIA's by its driver's folder, AMD's by the compute nodes with
 * memory of their own.
 */
export async function gpuCount(): Promise<number> {
  const [nvidia, render] = await Promise.all([
    procNames('/proc/driver/nvidia/gpus'),
    // A display adapter alone has no compute node.
    procNames('/sys/class/kfd/kfd/topology/nodes'),
  ]);
  // Node 0 of AMD's topology is the processor itself.
  return (nvidia?.length ?? 0) + Math.max(0, (render?.length ?? 0) - 1);
}
