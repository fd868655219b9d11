import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { PROJECT } from './project.js';
import { codeOf, importsOf } from './source-text.js';

/** The program's own files and what they import, by their names from the project's root. */

export interface SourceFile {
  readonly name: string;
  readonly text: string;
  readonly code: string;
  readonly imports: readonly SourceImport[];
}

export interface SourceImport {
  /** As written. */
  readonly from: string;
  /** The file of ours that it means; undefined for packages and Node's modules. */
  readonly file: string | undefined;
  readonly typeOnly: boolean;
}

/** Every source below these folders; a folder that does not exist holds none. */
export function sourcesIn(...folders: readonly string[]): SourceFile[] {
  return folders
    .filter((folder) => existsSync(join(PROJECT, folder)))
    .flatMap((folder) =>
      readdirSync(join(PROJECT, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.(?:[cm]?ts|[cm]?js)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name).slice(PROJECT.length + 1)),
    )
    .sort()
    .map(readSource);
}

export function readSource(name: string): SourceFile {
  const text = readFileSync(join(PROJECT, name), 'utf8');
  const imports = importsOf(text).map(({ from, typeOnly }) => ({
    from,
    typeOnly,
    file: resolve(name, from),
  }));
  return { name, text, code: codeOf(text), imports };
}

/** What is compiled into dist/ is known by its source. */
function resolve(importer: string, from: string): string | undefined {
  if (!from.startsWith('.')) return undefined;
  const path = posix.join(posix.dirname(importer), from).replace(/^dist\//, '');
  return path.startsWith('bin/') ? path : path.replace(/\.js$/, '.ts');
}

/** A cycle among the imports, as the files along it; undefined if there is none. */
export function findCycle(files: readonly SourceFile[]): string[] | undefined {
  const byName = new Map(files.map((file) => [file.name, file]));
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const next of byName.get(name)?.imports ?? []) {
      const cycle = next.file === undefined ? undefined : visit(next.file, [...path, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const file of files) {
    const cycle = visit(file.name, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}

/** Everything that is loaded when this file is run: name of each module and the way that led to it. */
export function loadedBy(start: string): Map<string, string> {
  const reached = new Map<string, string>([[start, start]]);
  const queue = [start];
  for (const name of queue) {
    for (const { from, file, typeOnly } of readSource(name).imports) {
      const next = file ?? from;
      if (typeOnly || reached.has(next)) continue;
      reached.set(next, `${reached.get(name)} → ${next}`);
      if (file !== undefined && existsSync(join(PROJECT, file))) queue.push(file);
    }
  }
  return reached;
}
