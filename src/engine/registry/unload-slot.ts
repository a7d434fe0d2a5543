import { log } from '../../telemetry/logger.ts';
import type { Shelf, Slot } from './shelf.ts';

/** Takes a version out, answers what it has taken, then closes it. */
export async function unloadSlot(shelf: Shelf, slot: Slot, reason: string): Promise<void> {
  const model = shelf.takeOut(slot);
  if (!model) return;
  await model.close();
  slot.state = 'unavailable';
  slot.reason = reason;
  log('app', 'info', `Model ${shelf.name} version ${slot.version} is unloaded: ${reason}`, {
    event_type: 'model_unload',
    model: shelf.name,
    version: slot.version,
  });
}
