import { type FileHandle, open } from 'node:fs/promises';
import type { Planes } from '../../audio/planes.ts';
import { encodeFrames, wavHead } from '../../audio/write-wav.ts';
import type { GrowingSound, SoundHead } from '../growing-sound.ts';

/**
 * A WAV file that grows piece by piece. Where its length is known its head is written first, so that
 * it can be read while it grows; else last.
 */
export class WavFile implements AsyncDisposable {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #of: SoundHead;
  readonly #headBytes: number;
  #position: number;
  #frames = 0;

  private constructor(path: string, handle: FileHandle, of: SoundHead, headBytes: number) {
    this.path = path;
    this.#handle = handle;
    this.#of = of;
    this.#headBytes = headBytes;
    this.#position = headBytes;
  }

  static async create(path: string, of: SoundHead): Promise<WavFile> {
    const head = wavHead({ ...of, frames: of.frames ?? 0 });
    const handle = await open(path, 'wx');
    await handle.write(head, 0, head.length, 0);
    return new WavFile(path, handle, of, head.length);
  }

  get frames(): number {
    return this.#frames;
  }

  get grown(): GrowingSound {
    return { file: this.path, head: this.#of, headBytes: this.#headBytes, bytes: this.#position };
  }

  async add(planes: Planes): Promise<void> {
    const bytes = encodeFrames(planes, this.#of.encoding);
    await this.#handle.write(bytes, 0, bytes.length, this.#position);
    this.#position += bytes.length;
    this.#frames += planes[0]?.length ?? 0;
  }

  async finish(): Promise<void> {
    if (this.#position % 2 === 1) await this.#handle.write(new Uint8Array(1), 0, 1, this.#position);
    if (this.#frames === this.#of.frames) return;
    const head = wavHead({ ...this.#of, frames: this.#frames });
    await this.#handle.write(head, 0, head.length, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
