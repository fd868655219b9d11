import { blkidProbe } from '../device/blkid.js';
import type { FileDevice } from '../device/file-device.js';
import { readAround } from '../device/read-around.js';
import { DmremapError } from '../errors.js';
import { probeSignatures } from '../signatures/probe.js';
import { chooseCopy } from '../store/choose.js';
import { type Copy, hasMagic } from '../store/copy.js';
import type { Erasure } from '../store/create.js';
import { loadCopies, readTable } from '../store/load.js';
import type { Bytes } from '../units.js';
import { refuseUnknownSet } from './spare.js';

/** What lives on a device that is about to be overwritten. */
export interface Occupant {
  /** Headers of ours, valid or not, that section 5 of format.md could find. */
  readonly headers: readonly Copy[];
  /** Live entries of the chosen copy; where none is valid, as many as the damaged ones claim. */
  readonly liveEntries: number;
  /** generation and uuids for the name of the undo file, where a header says them. */
  readonly header: Copy['header'] | undefined;
  /** Names of foreign content, each once. */
  readonly foreign: readonly string[];
  /** What makes all of it unfindable. */
  readonly erasures: readonly Erasure[];
}

/**
 * Looks for sets of ours and for foreign signatures at both ends of a device. Reads only.
 *
 * @throws DmremapError `unsupported` where a newer program's set lives there: nothing of it is overwritten
 */
export async function findOccupant(device: FileDevice): Promise<Occupant> {
  const loaded = await loadCopies(device);
  const choice = chooseCopy(loaded);
  await refuseUnknownSet(device, choice);
  const headers = [loaded.primary, ...loaded.backups].filter(hasMagic);
  const signatures = (await probeSignatures((at, length) => read(device, at, length), device.size)).filter(
    ({ ours }) => !ours,
  );
  const known = new Set(signatures.map(({ name }) => name));
  // blkid knows more kinds than our own table; without it the table alone must do
  if (signatures.length === 0)
    for (const { type } of (await blkidProbe(device.path)) ?? []) known.add(`${type} (found by blkid)`);
  const table = choice.chosen === undefined ? undefined : await readTable(device, choice.chosen);
  return {
    headers,
    liveEntries: table === undefined ? claimedEntries(headers) : [...table.live()].length,
    header: (choice.chosen ?? headers[0])?.header,
    foreign: [...known],
    erasures: [
      ...headers.map(({ headerAt }) => ({ at: headerAt, length: device.logicalBlockSize })),
      ...signatures.flatMap(({ erase }) => erase),
    ],
  };
}

async function read(device: FileDevice, at: Bytes, length: number): Promise<Uint8Array | undefined> {
  const block = new Uint8Array(length);
  return (await readAround(device, at, block)).length > 0 ? undefined : block;
}

function claimedEntries(headers: readonly Copy[]): number {
  return Math.max(0, ...headers.map(({ header }) => Math.min(header.entry_count, header.max_entries)));
}

/**
 * A device with live entries is never overwritten unless their exact number is repeated (cli.md).
 *
 * @throws DmremapError `wrong-device`
 */
export function refuseLiveEntries(path: string, occupant: Occupant, discard: number | undefined): void {
  const { liveEntries } = occupant;
  if (liveEntries === 0 || discard === liveEntries) return;
  throw new DmremapError(
    'wrong-device',
    `${path} holds a set with ${liveEntries} live remaps; their data would be lost`,
    {
      hint: `to lose them all the same: --discard-remaps ${liveEntries}`,
      data: { live_entries: liveEntries },
    },
  );
}

/** @throws DmremapError `wrong-device` where somebody else's content lives there */
export function refuseForeign(path: string, occupant: Occupant, force: boolean): void {
  if (occupant.foreign.length === 0 || force) return;
  throw new DmremapError('wrong-device', `${path} holds ${occupant.foreign.join(' and ')}`, {
    hint: 'if nobody needs it: --force overwrites and erases it',
    data: { signatures: occupant.foreign },
  });
}

/** One phrase for the plan that is shown. */
export function describeOccupant({ headers, liveEntries, foreign }: Occupant): string {
  const parts: string[] = [];
  if (headers.length > 0) parts.push(`a DMREMAP3 set with ${liveEntries} live remaps`);
  parts.push(...foreign);
  return parts.length === 0 ? 'nothing that is known' : parts.join(', ');
}
