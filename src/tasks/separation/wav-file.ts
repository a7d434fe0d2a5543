import { type FileHandle, open } from 'node:fs/promises';
import type { Planes } from '../audio/planes.ts';
import type { WavEncoding } from '../audio/write-wav.ts';
import { encodeFrames, wavHead } from '../audio/write-wav.ts';

/**
 * A WAV file that grows piece by piece. Its head is written last: only then is its length known.
 */
export class WavFile implements AsyncDisposable {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #of: { encoding: WavEncoding; channels: number; sampleRateHz: number };
  #position: number;
  #frames = 0;

  private constructor(
    path: string,
    handle: FileHandle,
    of: { encoding: WavEncoding; channels: number; sampleRateHz: number },
  ) {
    this.path = path;
    this.#handle = handle;
    this.#of = of;
    this.#position = wavHead({ ...of, frames: 0 }).length;
  }

  static async create(
    path: string,
    of: { encoding: WavEncoding; channels: number; sampleRateHz: number },
  ): Promise<WavFile> {
    return new WavFile(path, await open(path, 'wx'), of);
  }

  get frames(): number {
    return this.#frames;
  }

  async add(planes: Planes): Promise<void> {
    const bytes = encodeFrames(planes, this.#of.encoding);
    await this.#handle.write(bytes, 0, bytes.length, this.#position);
    this.#position += bytes.length;
    this.#frames += planes[0]?.length ?? 0;
  }

  async finish(): Promise<void> {
    const head = wavHead({ ...this.#of, frames: this.#frames });
    if (this.#position % 2 === 1) await this.#handle.write(new Uint8Array(1), 0, 1, this.#position);
    await this.#handle.write(head, 0, head.length, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
