import { z } from 'zod';
import { manifestSchema } from '../../src/engine/registry/manifest-schema.ts';

/**
 * Prints what may stand in a model.json, as JSON Schema: for editors, and for those who write one.
 */
export async function printManifestSchema(): Promise<number> {
  process.stdout.write(`${JSON.stringify(z.toJSONSchema(manifestSchema, { io: 'input' }), null, 2)}\n`);
  return 0;
}
