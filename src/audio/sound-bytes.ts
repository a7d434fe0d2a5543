/** The bytes of a sound, wherever they lie: an open file, or memory. */
export type SoundBytes = {
  read(into: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number; buffer: Buffer }>;
  stat(): Promise<{ size: number }>;
};

export function inMemory(bytes: Uint8Array): SoundBytes {
  return {
    async read(into, offset, length, position) {
      const taken = bytes.subarray(position, position + length);
      into.set(taken, offset);
      return { bytesRead: taken.length, buffer: into };
    },
    async stat() {
      return { size: bytes.length };
    },
  };
}
