import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Where Debian's chromium-common puts a Vulkan that runs on the CPU (SwiftShader, no GPU);
 * VITRINE_TEST_SWIFTSHADER names another folder.
 */
const folder = process.env.VITRINE_TEST_SWIFTSHADER ?? '/usr/lib/chromium';

/** What the environment of a process must have for WebGPU to run on it. */
export function softwareVulkan(): { VK_DRIVER_FILES: string; LD_LIBRARY_PATH: string } | { unavailable: string } {
  const driver = join(folder, 'vk_swiftshader_icd.json');
  if (!existsSync(driver)) return { unavailable: `there is no ${driver}` };
  return { VK_DRIVER_FILES: driver, LD_LIBRARY_PATH: folder };
}
