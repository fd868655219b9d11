import { type CacheMode, ConcurrentFile } from '../../device/concurrent-file.js';
import type { FileDevice } from '../../device/file-device.js';
import { identify } from '../../device/identity.js';
import { type Header, hasExtension, ZERO_UUID } from '../../format/header.js';
import type { RemapMode } from '../../remap/policy.js';
import { RemapSet } from '../../serve/remap-set.js';
import type { Remapping } from '../../serve/sector-events.js';
import type { Guard } from '../../store/writer.js';
import { holderOf } from '../diagnose.js';
import type { ResolvedMain } from '../main-device.js';
import { resolveMain } from '../main-device.js';
import { openNamed } from '../open-device.js';
import { withUndo } from '../undo-files.js';
import { recoverInMemory } from './in-memory.js';
import { LiveTargets } from './live-target.js';
import { diagnoseForServing } from './recover.js';

export interface OpenSetOptions {
  readonly main: string | undefined;
  readonly acceptMain: string | undefined;
  readonly readOnly: boolean;
  /** A repair plan, after which the set is served; only read. */
  readonly plan: string | undefined;
  readonly remap: RemapMode;
  /** Of main; what suits it unless told. */
  readonly cache: CacheMode | undefined;
  /** Milliseconds. */
  readonly saveInterval: number;
  /** Unix seconds. */
  readonly now: () => bigint;
  /** See RemapSettings. */
  readonly remapped: (remapping: Remapping) => void;
}

/** A set that is ready to be served. */
export interface OpenSet {
  readonly set: RemapSet;
  /** As it was found. */
  readonly header: Header;
  readonly main: ResolvedMain;
  readonly targets: LiveTargets;
  /** What was done in memory to serve it; empty where nothing was. */
  readonly recovered: readonly string[];
  /** Who uses the spare besides, where it is only read. */
  readonly holder: string | undefined;
}

/**
 * Opens the set of a spare: both devices exclusively, or both only for reading. What `check -p` corrects was
 * corrected before, or is in memory.
 *
 * @throws DmremapError `retired`, `incomplete`, `wrong-main`, `busy`, `changed-since` where something waits for
 * the operator; as openDevice and RemapSet.open()
 */
export async function openSet(path: string, options: OpenSetOptions): Promise<OpenSet> {
  const mode = options.readOnly ? 'read' : 'exclusive';
  const spare = await openNamed(path, mode);
  let main: FileDevice | undefined;
  try {
    const holder = await holderOf(spare)();
    const memory = options.readOnly ? await recoverInMemory(spare, options) : undefined;
    const header = await diagnoseForServing(path, memory?.device ?? spare);
    const found = await resolveMain(spare, header, options);
    main = await openNamed(found.path, mode);
    const served = await ConcurrentFile.open(main, options.cache ?? suitable(main));
    const set = await RemapSet.open(
      served,
      memory?.device ?? (await ConcurrentFile.open(spare, 'writeback')),
      {
        remap: options.readOnly ? 'off' : options.remap,
        readOnly: options.readOnly,
        saveInterval: options.saveInterval,
        rotational: main.rotational ?? false,
        now: options.now,
        remapped: options.remapped,
        guard: await guardFor(spare, header, options, found),
      },
    );
    const targets = new LiveTargets(found, spare, options.now);
    return { set, header, main: found, targets, recovered: memory?.done ?? [], holder };
  } catch (error) {
    await main?.close();
    await spare.close();
    throw error;
  }
}

/** An error of the medium shows at once with direct I/O; an image has a file system below that remaps. */
function suitable({ kind }: FileDevice): CacheMode {
  return kind === 'block' ? 'direct' : 'writeback';
}

/** A plain set takes changes that a power cut could tear under an undo file. */
async function guardFor(
  spare: FileDevice,
  header: Header,
  { now }: OpenSetOptions,
  main: ResolvedMain,
): Promise<Guard> {
  const identity = await identify(spare);
  const uuid = (field: 'set_uuid' | 'spare_uuid') =>
    hasExtension(header) && header[field] !== ZERO_UUID ? header[field] : undefined;
  return async (phases, work) => {
    const saved = await withUndo(
      spare,
      phases,
      {
        command: 'serve',
        now: now(),
        place: { avoid: [main] },
        identity,
        spareUuid: uuid('spare_uuid'),
        setUuid: uuid('set_uuid'),
        generation: header.generation,
      },
      work,
    );
    return saved.result;
  };
}
