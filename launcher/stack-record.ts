import { settings } from '../src/config.ts';
import { type ComponentName, type PortSetting, portSettings } from './components.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { type ComponentRecord, StateFile } from './stack-state.ts';
import type { StackTls } from './ways.ts';

type Changing = Pick<ComponentRecord, 'state' | 'detail' | 'identity'>;

/**
 * What is known of each component, on disk at each change, so that another process can show it or
 * end what is left.
 */
export class StackRecord {
  readonly #parts: ConstructorParameters<typeof StackRecord>[0];
  readonly #startedAtMs = Date.now();
  readonly #file: StateFile;
  readonly #components = new Map<ComponentName, ComponentRecord>();
  #settled = false;

  constructor(parts: {
    data: string;
    launcher: ProcessIdentity;
    port: (setting: PortSetting) => number;
    tls: () => StackTls;
    describe: (name: ComponentName) => Omit<ComponentRecord, keyof Changing | 'name' | 'sinceMs'>;
    onTrouble: (text: string) => void;
  }) {
    this.#parts = parts;
    this.#file = new StateFile(parts.data, parts.onTrouble);
  }

  set(name: ComponentName, now: Changing): void {
    const before = this.#components.get(name);
    if (before?.state === now.state && before.detail === now.detail && before.identity === now.identity) return;
    this.#components.set(name, { ...now, name, sinceMs: Date.now(), ...this.#parts.describe(name) });
    this.#write();
  }

  /** Every component is healthy, or has failed to become so in time. */
  settle(): void {
    this.#settled = true;
    this.#write();
  }

  /** Nothing runs any more. */
  async close(): Promise<void> {
    this.#components.clear();
    this.#write();
    await this.#file.close();
  }

  #write(): void {
    const { launcher, port, tls } = this.#parts;
    this.#file.write({
      launcher,
      startedAtMs: this.#startedAtMs,
      settled: this.#settled,
      ports: Object.fromEntries(portSettings.map((name) => [settings[name].env, port(name)])),
      components: [...this.#components.values()],
      tls: tls(),
    });
  }
}
