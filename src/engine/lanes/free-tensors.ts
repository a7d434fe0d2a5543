import { releaseBuffer } from '../../v8/release-buffer.ts';
import { isStrings, type Tensor } from '../tensor.ts';

/** For tensors that nobody looks at again. */
export function freeTensors(tensors: readonly Tensor[]): void {
  for (const { data } of tensors) if (!isStrings(data)) releaseBuffer(data);
}
