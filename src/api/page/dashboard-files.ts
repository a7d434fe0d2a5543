import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../if-there.ts';

export type Dashboard = {
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  readonly tags: readonly string[];
  /** The file as it is. */
  readonly text: string;
};

/**
 * The dashboards of a folder. Each file is read and parsed again only when it has changed: parsing
 * all of them takes the event loop tens of milliseconds.
 */
export class DashboardFiles {
  readonly #folder: string;
  readonly #known = new Map<string, { readonly mark: string; readonly dashboard: Promise<Dashboard | undefined> }>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** By title. */
  async all(): Promise<Dashboard[]> {
    const names = (await namesIn(this.#folder)).filter((name) => name.endsWith('.json'));
    for (const name of this.#known.keys()) if (!names.includes(name)) this.#known.delete(name);
    const dashboards = await Promise.all(names.map((name) => this.#read(name)));
    return dashboards.filter((each) => each !== undefined).sort((a, b) => a.title.localeCompare(b.title));
  }

  async #read(name: string): Promise<Dashboard | undefined> {
    const { mtimeMs, size, ino } = await stat(join(this.#folder, name));
    const mark = `${mtimeMs} ${size} ${ino}`;
    const known = this.#known.get(name);
    if (known?.mark === mark) return known.dashboard;
    const dashboard = readDashboard(join(this.#folder, name));
    this.#known.set(name, { mark, dashboard });
    // What could not be read is tried again when it is asked for again.
    dashboard.catch(() => this.#known.delete(name));
    return dashboard;
  }
}

/** Undefined: the file has no uid, by which it could be asked for. */
async function readDashboard(file: string): Promise<Dashboard | undefined> {
  const text = await readFile(file, 'utf8');
  const { uid, title = uid, description = '', tags = [] } = JSON.parse(text) as Partial<Dashboard>;
  return uid ? { uid, title: String(title), description, tags, text } : undefined;
}

/** The files of a folder, by name; none where the folder is not there. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await ifThere(readdir(folder)))?.sort() ?? [];
}
