import { execFileSync } from 'node:child_process';
import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { lookup } from '../../src/operations/lookup.js';
import type { Scratch } from '../device/scratch.js';
import type { Entry } from '../support/build-image.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert } from '../support/harness.js';
import { savedSpare, unchanged } from './images.js';

export function run(program: string, ...args: string[]): string {
  const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin`, LC_ALL: 'C' };
  return execFileSync(program, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'ignore'] });
}

export function sparse(scratch: Scratch, name: string, size: number): string {
  writeFileSync(scratch.path(name), '');
  truncateSync(scratch.path(name), size);
  return scratch.path(name);
}

/** The owners that are told of these sectors, which are remapped, as are many others. */
export async function ask(scratch: Scratch, main: string, sectors: readonly number[], offset = 0) {
  const asked = [...new Set(sectors.map((sector) => sector + offset))].sort((a, b) => a - b);
  const entries = asked.map((sector, index): Entry => [sector, 300 + index]);
  const mainSectors = statSync(main).size / SECTOR;
  const spare = savedSpare(scratch, 'spare.img', {
    layout: 'redundant',
    sectors: 8192,
    mainSectors,
    entries,
  });
  const same = unchanged(main);
  const ranges = asked.map((first) => ({ first, count: 1 }));
  const { owners } = await lookup(spare, ranges as never, { files: { main } });
  assert.ok(same(), 'main was written to');
  const told = (owners?.runs ?? []).flatMap(({ main_sector, count, ...rest }) =>
    Array.from({ length: count }, (_, index) => ({ sector: main_sector + index - offset, ...rest })),
  );
  assert.equal(
    told.map(({ sector }) => sector + offset),
    asked,
  );
  return { told, warnings: owners?.warnings ?? [] };
}
