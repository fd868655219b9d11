/**
 * `npm run bench [-- WORD...]`: what the programs cost, beside what does the like. With words, only what has
 * one of them in its title is measured. A missed target is said and is no failure: the exit code tells only
 * whether everything could run.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, isSelected, line, PeerMissing } from './bench.js';
import { checkMemory } from './check-memory.js';
import { checkTables } from './check-tables.js';
import { dumpMemory } from './dump-memory.js';
import { fsckStart } from './fsck-start.js';
import { idleConnections } from './idle-connections.js';
import { information } from './information.js';
import { migration } from './migrate.js';
import { nbd } from './nbd.js';
import { reconstruction } from './reconstruct.js';

const words = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'dmremap-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const all = [
  fsckStart,
  checkTables,
  checkMemory,
  dumpMemory,
  information,
  reconstruction,
  migration,
  idleConnections,
  nbd,
].flatMap((benches) => benches(folder));
const selected = all.filter(({ title }) => isSelected(title, words));
if (selected.length === 0) {
  console.log(`no title holds ${words.join(' or ')}; there are:`);
  for (const { title } of all) console.log(`  ${title}`);
  process.exitCode = 1;
} else
  console.log(`on ${cpus()[0]?.model ?? 'this machine'}, ${cpus().length} cores, Node ${process.version}`);
let method = '';
for (const bench of selected) {
  if (bench.method !== method) console.log(`\n${bench.method}`);
  method = bench.method;
  if (!(await report(bench))) process.exitCode = 1;
}

/** Whether it could run; that a program to compare with is not installed is nobody's fault. */
async function report({ title, run }: Bench): Promise<boolean> {
  try {
    for (const text of await run()) console.log(text);
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof PeerMissing) console.log(line('skip', title, message));
    else console.log(line('ERROR', title, message));
    return error instanceof PeerMissing;
  }
}
