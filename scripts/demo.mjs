/**
 * The main job on images that it makes itself: a pair of main and spare with remaps, one copy of the metadata
 * damaged, found, explained and corrected, and in the end the table from which the kernel makes the remapped
 * device. Every step's exit code is checked; the folder is removed at the end.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const SECTOR = 512;
const MAIN_SECTORS = 131072;
const REMAPS = [
  [1000, 40],
  [1001, 41],
  [1002, 42],
  [70000, 43],
  [99999, 44],
];

const program = resolve(import.meta.dirname, '..', 'bin', 'run.js');
const folder = mkdtempSync(join(tmpdir(), 'dmremap-demo-'));
const [main, spare, dump, edited] = ['main.img', 'spare.img', 'dump.json', 'edited.json'].map((name) =>
  join(folder, name),
);

try {
  demo();
} finally {
  rmSync(folder, { recursive: true });
}

function demo() {
  say('A failing disk (main) and a spare, as image files.');
  fill(main, MAIN_SECTORS, 'main');
  fill(spare, 2048, 'old data of the spare');
  dmremap(0, 'create', spare, '--main', main, '--yes');

  say('Five sectors of main are bad: their data goes to the spare, their entries into the table.');
  for (const [mainSector, spareSector] of REMAPS) write(spare, spareSector, content('rescued', mainSector));
  dmremap(0, 'dump', spare, '-o', dump);
  const document = JSON.parse(readFileSync(dump, 'utf8'));
  document.header.entry_count = REMAPS.length;
  document.entries = REMAPS.map(([main_sector, spare_sector]) => ({ main_sector, spare_sector }));
  writeFileSync(edited, JSON.stringify(document));
  // an edited dump is a guess of ours, and restore wants to be told so
  dmremap(0, 'restore', spare, '--input', edited, '--accept-guess', '--yes');
  dmremap(0, 'check', spare);

  say('Something overwrites the first header of the spare.');
  write(spare, 0, Buffer.alloc(SECTOR));
  dmremap(4, 'check', spare);

  say('The second copy still holds every remap.');
  dmremap(0, 'dump', spare, '--format', 'csv');
  dmremap(0, 'explain', 'copy-damaged');

  say('Correct it, and check again.');
  dmremap(1, 'check', '-p', spare);
  dmremap(0, 'check', spare);

  say('The table from which device-mapper makes the remapped device:');
  const table = dmremap(0, 'table', spare, '--main', main, '--quiet');
  const [got, wanted] = [hashByTable(table), hashOfWanted()];
  if (got !== wanted) throw new Error(`read by the table, the device has sha256 ${got}, not ${wanted}`);
  say(`Read by this table, all ${MAIN_SECTORS} sectors hold what they should: sha256 ${got}`);
}

function say(text) {
  console.log(`\n# ${text}`);
}

/** Runs a command, shows it and what it prints, and insists on its exit code. */
function dmremap(expected, ...words) {
  console.log(`\n$ dmremap ${words.join(' ')}`);
  const { status, stdout } = spawnSync(process.execPath, [program, ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, DMREMAP_STATE_DIR: join(folder, 'undo') },
  });
  process.stdout.write(stdout);
  console.log(`[exit code ${status}]`);
  if (status !== expected) throw new Error(`expected exit code ${expected}`);
  return stdout;
}

function content(what, sector) {
  return Buffer.from(`${what} sector ${sector}\n`.repeat(64)).subarray(0, SECTOR);
}

function fill(path, sectors, what) {
  writeFileSync(path, Buffer.concat(Array.from({ length: sectors }, (_, sector) => content(what, sector))));
  truncateSync(path, sectors * SECTOR);
}

function write(path, sector, bytes) {
  const file = openSync(path, 'r+');
  writeSync(file, bytes, 0, SECTOR, sector * SECTOR);
  closeSync(file);
}

/** What the remapped device must hold, by the list of remaps alone. */
function hashOfWanted() {
  const remapped = new Set(REMAPS.map(([sector]) => sector));
  const hash = createHash('sha256');
  for (let sector = 0; sector < MAIN_SECTORS; sector++)
    hash.update(content(remapped.has(sector) ? 'rescued' : 'main', sector));
  return hash.digest('hex');
}

/** What device-mapper would read by the table's lines: start, length, linear, device, offset. */
function hashByTable(table) {
  const hash = createHash('sha256');
  for (const line of table.trim().split('\n')) {
    const [, length, , device, offset] = line.split(' ');
    const file = openSync(device, 'r');
    const bytes = Buffer.alloc(Number(length) * SECTOR);
    readSync(file, bytes, 0, bytes.length, Number(offset) * SECTOR);
    closeSync(file);
    hash.update(bytes);
  }
  return hash.digest('hex');
}
