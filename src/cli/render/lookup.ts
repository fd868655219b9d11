import type { LookupResult, LookupRun } from '../../operations/lookup.js';
import type { OwnedRun } from '../../operations/owners/owners.js';
import type { JsonObject } from './json.js';
import { showUnprintable } from './text.js';

/** A line for each run of sectors; then, where it was asked for, a line for each run and each file that it is of. */
export function lookupText({ runs, owners }: LookupResult): string {
  return [...runs.map(runText), ...(owners?.runs ?? []).flatMap(ownerLines)]
    .map((line) => `${line}\n`)
    .join('');
}

function runText({ main_sector, count, spare_sector }: LookupRun): string {
  const where = spare_sector === null ? 'not remapped' : `-> ${range(spare_sector, count)}`;
  return `${range(main_sector, count)} ${where}`;
}

function ownerLines({ main_sector, count, filesystem, owner }: OwnedRun): string[] {
  const { inode, paths, note } = owner;
  const sectors = range(BigInt(main_sector), BigInt(count));
  if (filesystem === null) return [`${sectors}: ${note ?? '-'}`];
  const head = `${sectors} is of ${filesystem}${inode === null ? '' : ` inode ${inode}`}`;
  const said = note === null ? '' : ` (${note})`;
  if (paths.length === 0) return [`${head}: ${note ?? '-'}`];
  // a line feed in a name would look like another answer
  return paths.map((path) => `${head}: ${showUnprintable(path).replaceAll('\n', '\\x0a')}${said}`);
}

function range(first: bigint, count: bigint): string {
  return count === 1n ? `${first}` : `${first}-${first + count - 1n}`;
}

export function lookupJson({ valid, runs, owners }: LookupResult): JsonObject {
  const files = owners?.runs.map(({ main_sector, count, filesystem, owner: { inode, paths, note } }) => ({
    main_sector,
    count,
    filesystem,
    inode,
    paths: [...paths],
    note,
  }));
  return { valid, runs: runs.map((run) => ({ ...run })), ...(files === undefined ? {} : { files }) };
}
