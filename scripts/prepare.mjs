/**
 * Makes the working tree ready to run: dependencies as locked, then dist/ from the sources. Needs nothing
 * but Node and npm, and says nothing when there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCE_FOLDERS = ['src', 'commands', 'test', 'bench'];
/** Besides the sources, what the compiler's output depends on. */
const SETTINGS = ['tsconfig.json', 'package.json', 'node_modules/.package-lock.json', 'scripts/bundle.mjs'];
/** Written after a build that succeeded: which sources it had, and by its time, how old they may be. */
const stamp = join(root, 'dist', '.built');

install();
build();

function install() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && time(installed) >= time(join(root, 'package-lock.json'))) return;
  console.log('prepare: npm ci (node_modules is missing or older than package-lock.json)');
  run(
    'npm',
    ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    'ignore',
  );
}

function build() {
  const sources = SOURCE_FOLDERS.flatMap((folder) => filesIn(folder)).filter((file) => file.endsWith('.ts'));
  const reason = reasonToBuild(sources);
  if (reason === undefined) return;
  console.log(`prepare: tsc (${reason})`);
  removeOrphans(new Set(sources));
  // What is saved while the compiler runs is newer than the build, though older than its end.
  const began = new Date();
  run(process.execPath, [join('node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json']);
  run(process.execPath, [join('scripts', 'bundle.mjs')]);
  writeFileSync(stamp, sources.join('\n'));
  utimesSync(stamp, began, began);
}

function reasonToBuild(sources) {
  if (!existsSync(stamp)) return 'dist is missing or incomplete';
  if (readFileSync(stamp, 'utf8') !== sources.join('\n')) return 'sources were added or removed';
  const built = time(stamp);
  const newer = [...sources, ...SETTINGS].find((file) => time(join(root, file)) > built);
  return newer === undefined ? undefined : `${newer} is newer than dist`;
}

/** Deletes what was compiled from sources that are gone, so that a deleted test cannot run on. */
function removeOrphans(sources) {
  rmSync(stamp, { force: true });
  for (const file of filesIn('dist')) {
    const source = file.slice('dist/'.length).replace(/\.js(\.map)?$/, '.ts');
    if (source !== file.slice('dist/'.length) && !sources.has(source)) rmSync(join(root, file));
  }
}

/** The files below a folder of the project, named from its root, in a stable order. */
function filesIn(folder) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return filesIn(name);
      return entry.isFile() ? [name] : [];
    })
    .sort();
}

function time(file) {
  return existsSync(file) ? statSync(file).mtimeMs : 0;
}

/** Runs a program to its end; errors are shown, and are the end of this one too. */
function run(program, args, stdout = 'inherit') {
  const stdio = ['inherit', stdout, 'inherit'];
  const { status, error } = spawnSync(program, args, { cwd: root, stdio });
  if (error !== undefined) console.error(`prepare: ${program}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}
