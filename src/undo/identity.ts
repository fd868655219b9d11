/** Which undo file belongs to which spare: by name and by what its description says. */
import { extendCrc } from '../format/checksum.js';
import type { UndoSpare } from './description.js';

/** What a spare is known by today. Uuids and generation only where a header that is trusted says them. */
export type SpareIdentity = Pick<
  UndoSpare,
  'realPath' | 'id' | 'size' | 'spareUuid' | 'newSpareUuid' | 'stablePath'
>;

/** What stands for the spare in names: its uuid, else eight digits made of what else identifies it. */
export function nameOf({ spareUuid, newSpareUuid, id, stablePath, realPath }: SpareIdentity): string {
  const uuid = spareUuid ?? newSpareUuid;
  if (uuid !== undefined) return uuid;
  const sum = extendCrc(0, new TextEncoder().encode(id ?? stablePath ?? realPath));
  return `plain-${sum.toString(16).padStart(8, '0')}`;
}

/** SPAREUUID-GENERATION-COMMAND.undo; generation 0 where there was none. */
export function undoFileName(spare: SpareIdentity, generation: number | undefined, command: string): string {
  const safe = command.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return `${nameOf(spare)}-${generation ?? 0}-${safe}.undo`;
}

/**
 * Whether an undo file's spare is this one. The uuid decides where both have one, also the one that the command
 * itself gave; else the device's identity, and where neither has one its path, each with the size. A clone fits
 * as well as its original: what lies on the device has the last word (`compareWithUndo`).
 */
export function fits(saved: UndoSpare, wanted: SpareIdentity): boolean {
  const uuids = [saved.spareUuid, saved.newSpareUuid].filter((uuid) => uuid !== undefined);
  if (wanted.spareUuid !== undefined && uuids.length > 0) return uuids.includes(wanted.spareUuid);
  if (saved.size !== wanted.size) return false;
  if (saved.id !== undefined || wanted.id !== undefined) return saved.id === wanted.id;
  if (saved.stablePath !== undefined || wanted.stablePath !== undefined)
    return saved.stablePath === wanted.stablePath;
  return saved.realPath === wanted.realPath;
}
