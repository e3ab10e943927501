import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import type { Canaries } from './canaries.ts';
import { TraceSearch } from './trace-search.ts';

/** Everything that the product has said or kept, to be searched at the end. */
export class Evidence {
  readonly #pieces: { readonly where: string; readonly bytes: Buffer }[] = [];

  add(where: string, bytes: Buffer | string): void {
    this.#pieces.push({ where, bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes });
  }

  /** Every file below the folder as it is now, but for those that hold a secret by design. */
  async addFolder(when: string, folder: string, except: readonly string[]): Promise<void> {
    for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      const name = relative(folder, file);
      if (!entry.isFile() || except.includes(name)) continue;
      // Files of a running product come and go.
      const bytes = await readFile(file).catch(() => undefined);
      if (bytes !== undefined) this.add(`${name}, ${when}`, bytes);
    }
  }

  /** Where traces of these secrets are, in words; empty as it should be. */
  traces({ traces }: Pick<Canaries, 'traces'>): readonly string[] {
    const search = new TraceSearch(traces);
    return this.#pieces.flatMap(({ where, bytes }) => search.find(bytes).map(({ place, encoding }) => `${where}: ${place}, ${encoding}`));
  }

  /** Names of the pieces that hold a text. */
  holding(text: string): readonly string[] {
    return this.#pieces.filter(({ bytes }) => bytes.includes(text)).map(({ where }) => where);
  }

  /** The JSON lines of the logs among it. */
  logLines(): readonly Readonly<Record<string, unknown>>[] {
    const outputs = this.#pieces.filter(({ where }) => where.startsWith('output'));
    return outputs.flatMap(({ bytes }) =>
      bytes
        .toString()
        .split('\n')
        .filter((line) => line.startsWith('{') && line.endsWith('}'))
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    );
  }
}
