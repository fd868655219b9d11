import { judge } from '../check/checker.js';
import type { BlockDevice } from '../device/block-device.js';
import type { FileDevice } from '../device/file-device.js';
import { DmremapError, type ErrorCode } from '../errors.js';
import { type Header, hasExtension, isRedundant } from '../format/header.js';
import { searchHeaders } from '../store/deep-search.js';
import type { Layout } from '../store/relayout.js';
import { type Diagnosis, diagnose, holderOf } from './diagnose.js';
import { lastingName } from './lasting-name.js';
import { bareModuleEvidence } from './module-evidence.js';
import { withDevice } from './open-device.js';

/** What a scan learns of one device. Plain JSON: it comes from a process of its own. */
export type ScanAnswer =
  /** Headers only of a deep search, and only where no copy is valid. */
  | { readonly kind: 'spare'; readonly spare: ScannedSpare; readonly headers: readonly ScannedHeader[] }
  | { readonly kind: 'headers'; readonly headers: readonly ScannedHeader[] }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'error'; readonly code: ErrorCode; readonly message: string };

export interface ScannedSpare {
  /** The same under every name of one device. */
  readonly key: string;
  /** What to call it in a line that may be typed later. */
  readonly lastingName: string;
  readonly exitCode: number;
  /** Each id once, though both copies may have it. */
  readonly problems: readonly string[];
  readonly holder: string | null;
  /** Null where no copy is valid. */
  readonly header: ScannedHeader | null;
}

/** 64-bit values as decimal text. */
export interface ScannedHeader {
  /** First byte on the device. */
  readonly at: number;
  readonly layout: Layout;
  readonly set_uuid: string | null;
  readonly spare_uuid: string | null;
  readonly peer_uuid: string | null;
  readonly role: number;
  readonly generation: number;
  readonly peer_generation: number;
  readonly migration_cursor: string;
  readonly entry_count: number;
  readonly max_entries: number;
  readonly main_id: string;
  readonly main_device_size: string;
}

/** Codes that mean: this is simply not a spare. */
const NOT_A_SPARE: readonly ErrorCode[] = ['not-dmremap3', 'too-small'];

/**
 * Looks at one device for a scan. `alive` is called while the search goes on.
 *
 * @param deep where no valid copy is found at the known places, look at every block
 */
export async function scanOne(path: string, deep: boolean, alive: () => void): Promise<ScanAnswer> {
  try {
    return await withDevice(path, 'read', async (device) => {
      try {
        const diagnosis = await diagnose(device, { holder: holderOf(device), skipBeyond: true });
        const spare = scannedSpare(path, device, diagnosis);
        const lost = deep && spare.header === null;
        return { kind: 'spare', spare, headers: lost ? await strays(device, diagnosis, alive) : [] };
      } catch (error) {
        if (!(error instanceof DmremapError) || !NOT_A_SPARE.includes(error.code) || !deep) throw error;
        const bare = await bareSpare(path, device);
        if (bare !== undefined) return { kind: 'spare', spare: bare, headers: [] };
        const headers = await strays(device, undefined, alive);
        return headers.length === 0 ? { kind: 'nothing' } : { kind: 'headers', headers };
      }
    });
  } catch (error) {
    if (!(error instanceof DmremapError)) throw error;
    if (NOT_A_SPARE.includes(error.code)) return { kind: 'nothing' };
    return { kind: 'error', code: error.code, message: error.message };
  }
}

/** What the kernel module leaves without a magic: looked for where somebody wants to find everything. */
async function bareSpare(path: string, device: FileDevice): Promise<ScannedSpare | undefined> {
  if ((await bareModuleEvidence(device)) === undefined) return undefined;
  return scannedSpare(path, device, await diagnose(device, { module: true, holder: holderOf(device) }));
}

function scannedSpare(path: string, device: FileDevice, { problems, survey }: Diagnosis): ScannedSpare {
  const { module } = survey;
  const chosen = survey.choice.chosen ?? module?.copy;
  const layout = module === undefined ? undefined : 'module';
  return {
    key: device.key,
    lastingName: lastingName(path, device, chosen?.header),
    exitCode: judge(problems, 'read').exitCode,
    problems: [...new Set(problems.filter(({ row }) => row.severity !== 'note').map(({ id }) => id))],
    holder: survey.holder ?? null,
    header: chosen === undefined ? null : scannedHeader(chosen.headerAt, chosen.header, layout),
  };
}

/** Headers that say themselves that they belong where they lie, at places where nobody has looked yet. */
async function strays(
  device: BlockDevice,
  diagnosis: Diagnosis | undefined,
  alive: () => void,
): Promise<ScannedHeader[]> {
  const { primary, backups = [] } = diagnosis?.survey.copies ?? {};
  const known = [primary, ...backups].map((copy) => copy?.headerAt);
  const found = await searchHeaders(device, alive);
  return found
    .filter(({ at, inPlace }) => inPlace && !known.includes(at))
    .map(({ at, header }) => scannedHeader(at, header));
}

function scannedHeader(
  at: number,
  header: Header,
  layout: Layout = isRedundant(header) ? 'redundant' : 'plain',
): ScannedHeader {
  const extended = hasExtension(header);
  return {
    at,
    layout,
    set_uuid: extended ? header.set_uuid : null,
    spare_uuid: extended ? header.spare_uuid : null,
    peer_uuid: extended ? header.peer_uuid : null,
    role: extended ? header.role : 0,
    generation: header.generation,
    peer_generation: header.peer_generation,
    migration_cursor: String(header.migration_cursor),
    entry_count: header.entry_count,
    max_entries: header.max_entries,
    main_id: extended ? header.main_id : '',
    main_device_size: String(header.main_device_size),
  };
}
