import { blkidProbe } from '../device/blkid.js';
import type { FileDevice } from '../device/file-device.js';
import { readAround } from '../device/read-around.js';
import { DmremapError } from '../errors.js';
import { probeSignatures } from '../signatures/probe.js';
import { type Choice, chooseCopy, isEvidence } from '../store/choose.js';
import type { Copy } from '../store/copy.js';
import type { Erasure } from '../store/create.js';
import { type LoadedCopies, loadCopies, readTable } from '../store/load.js';
import type { ModuleImage } from '../store/module-image.js';
import type { Bytes } from '../units.js';
import { moduleImageOn } from './module-evidence.js';
import { refusePassive, refuseUnknownSet } from './spare.js';

/** What lives on a device that is about to be overwritten. */
export interface Occupant {
  /** The copy that counts, where one does. */
  readonly chosen: Copy | undefined;
  /** Headers of ours, whole or damaged, and of the kernel module's, at the places that section 5 of format.md names. */
  readonly headers: readonly Copy[];
  /** The kernel module wrote the first of them. */
  readonly module: boolean;
  readonly remaps: Remaps;
  /** generation and uuids for the name of the undo file, where a header says them. */
  readonly header: Copy['header'] | undefined;
  /** Names of foreign content, each once. */
  readonly foreign: readonly string[];
  /** Those of them that blkid alone knows: where they could be erased nobody tells. */
  readonly onlyBlkid: readonly string[];
  /** What makes the headers unfindable, and all of it. */
  readonly headerErasures: readonly Erasure[];
  readonly erasures: readonly Erasure[];
}

export interface Remaps {
  /** Live entries of the chosen copy; where none is valid, as many as the damaged ones claim. */
  readonly count: number;
  /** A valid copy says so. Where none is, a count of 0 proves nothing. */
  readonly certain: boolean;
}

/**
 * Looks for sets of ours and for foreign signatures at both ends of a device. Reads only.
 *
 * @throws DmremapError `unsupported` where a newer program's set lives there, `retired` and `incomplete` where
 * another spare of its set counts on it: nothing of these is overwritten
 */
export async function findOccupant(device: FileDevice): Promise<Occupant> {
  const occupant = await anyOccupant(device);
  refuseCountedOn(device.path, occupant);
  return occupant;
}

/** The same, also of a spare of which another one of its set is active. @throws DmremapError `unsupported` */
export async function anyOccupant(device: FileDevice): Promise<Occupant> {
  const loaded = await loadCopies(device);
  const choice = chooseCopy(loaded);
  await refuseUnknownSet(device, choice);
  const { primary } = loaded;
  // a header without a magic may be the module's, too: before it is written over that has to be asked
  const module = await moduleImageOn(device, {
    primary,
    choice,
    mainSize: undefined,
    told: !choice.evidence,
  });
  const headers = headersOn(loaded, module);
  const signatures = (await probeSignatures((at, length) => read(device, at, length), device.size)).filter(
    ({ ours }) => !ours,
  );
  // blkid knows more kinds than our own table; without it, or of a scratch copy in memory, the table alone must do
  const asksBlkid = signatures.length === 0 && device.fd !== undefined;
  const onlyBlkid = asksBlkid ? ((await blkidProbe(device.path)) ?? []).map(({ type }) => type) : [];
  const { chosen } = choice;
  const headerErasures = headers.map(({ headerAt, header }) => ({
    at: headerAt,
    length: device.logicalBlockSize,
    first: chosen !== undefined && header.generation !== chosen.header.generation,
  }));
  return {
    chosen,
    headers,
    module: module !== undefined,
    remaps: await remapsOf(device, choice, headers, module),
    header: (chosen ?? headers[0])?.header,
    foreign: [...new Set([...signatures.map(({ name }) => name), ...onlyBlkid])],
    onlyBlkid,
    headerErasures,
    erasures: [...headerErasures, ...signatures.flatMap(({ erase }) => erase)],
  };
}

/** @throws DmremapError `retired`, `incomplete` where another spare of its set counts on what lives there */
export function refuseCountedOn(path: string, { chosen }: Occupant): void {
  if (chosen !== undefined) refusePassive(path, { chosen });
}

function headersOn({ primary, backups }: LoadedCopies, module: ModuleImage | undefined): Copy[] {
  const found = [primary, ...backups].filter(isEvidence);
  return module === undefined || found.includes(primary) ? found : [primary, ...found];
}

async function remapsOf(
  device: FileDevice,
  { chosen }: Choice,
  headers: readonly Copy[],
  module: ModuleImage | undefined,
): Promise<Remaps> {
  if (module?.standing === 'accepted') return { count: module.content.table.count, certain: true };
  if (chosen === undefined) return { count: claimedEntries(headers), certain: headers.length === 0 };
  const table = await readTable(device, chosen);
  return { count: table.liveCount, certain: true };
}

async function read(device: FileDevice, at: Bytes, length: number): Promise<Uint8Array | undefined> {
  const block = new Uint8Array(length);
  return (await readAround(device, at, block)).length > 0 ? undefined : block;
}

/** The module's headers name no capacity where they never held one. */
function claimedEntries(headers: readonly Copy[]): number {
  const claims = headers.map(({ header }) =>
    header.max_entries === 0 ? header.entry_count : Math.min(header.entry_count, header.max_entries),
  );
  return Math.max(0, ...claims);
}

/**
 * A device with live entries is never overwritten unless their exact number is repeated (cli.md), and one whose
 * metadata is damaged not without the number that it claims.
 *
 * @throws DmremapError `wrong-device`
 */
export function refuseLiveEntries(path: string, occupant: Occupant, discard: number | undefined): void {
  const { count, certain } = occupant.remaps;
  if (discard === count || (certain && count === 0)) return;
  const what = certain
    ? `${setOf(occupant)} with ${count} live remaps; their data would be lost`
    : `${setOf(occupant)} that claims ${count} remaps; what is left of them would be lost`;
  throw new DmremapError('wrong-device', `${path} holds ${what}`, {
    hint: `to lose them all the same: --discard-remaps ${count}`,
    data: { live_entries: count },
  });
}

function setOf({ module, remaps }: Occupant): string {
  if (module) return 'a spare of the dm-remap v3 kernel module';
  return remaps.certain ? 'a set' : 'damaged metadata';
}

/** @throws DmremapError `wrong-device` where somebody else's content lives there */
export function refuseForeign(path: string, { foreign, onlyBlkid }: Occupant, force: boolean): void {
  if (foreign.length === 0) return;
  const message = `${path} holds ${foreign.join(' and ')}`;
  const data = { signatures: foreign };
  // --force promises to erase, which takes knowing where
  if (onlyBlkid.length > 0)
    throw new DmremapError('wrong-device', `${message}, as blkid says`, {
      hint: `if nobody needs it, erase it first: wipefs --all ${path}`,
      data,
    });
  if (!force)
    throw new DmremapError('wrong-device', message, {
      hint: 'if nobody needs it: --force overwrites and erases it',
      data,
    });
}

/** One phrase for the plan that is shown. */
export function describeOccupant({ headers, module, remaps, foreign }: Occupant): string {
  const parts: string[] = [];
  if (module) parts.push(`a spare of the dm-remap v3 kernel module with ${remaps.count} remaps`);
  else if (headers.length > 0)
    parts.push(
      remaps.certain
        ? `a DMREMAP3 set with ${remaps.count} live remaps`
        : `damaged DMREMAP3 metadata that claims ${remaps.count} remaps`,
    );
  parts.push(...foreign);
  return parts.length === 0 ? 'nothing that is known' : parts.join(', ');
}
