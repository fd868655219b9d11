import { TABLE_START } from '../format/geometry.js';
import { encodeHeader, HEADER_SIZE, STATE } from '../format/header.js';
import { consistentChecksum, MODULE_CAPACITY, TAIL_SIZE, ZERO_TAIL } from '../format/module.js';
import { BLOCK_SIZE, bytes } from '../units.js';
import { headerSector, wholeCopy } from './commit.js';
import { type Content, tableBlocks } from './content.js';
import type { ModuleImage } from './module-image.js';
import type { Phase, Write } from './phase.js';

/** The writes between the plain layout and that of the kernel module, both at the front of a spare. */

/** The header that the module reads: what it has no place for is left out. */
export function moduleBlock({ header, table }: Content): Uint8Array {
  const block = encodeHeader({
    magic: header.magic,
    version: header.version,
    creation_time: header.creation_time,
    last_update_time: header.last_update_time,
    entry_count: table.count,
    max_entries: MODULE_CAPACITY,
    main_device_size: header.main_device_size,
    spare_device_size: header.spare_device_size,
    state: STATE.clean,
    generation: header.generation,
    total_remaps_created: header.total_remaps_created,
  });
  const tail = table.count === 0 ? ZERO_TAIL : table.bytes.subarray(0, TAIL_SIZE);
  return encodeHeader({ checksum: consistentChecksum({ block, tail, table: table.bytes }) }, block);
}

/** Header and table, for a spare that holds neither. */
export function wholeModuleCopy(content: Content): Write[] {
  const table = content.table.count === 0 ? new Uint8Array(BLOCK_SIZE) : tableBlocks(content.table);
  return [
    { at: TABLE_START, bytes: table },
    { at: bytes(0), bytes: moduleBlock(content) },
  ];
}

/**
 * From a plain set with the same entries and nothing behind the first sector of its header: that sector makes it
 * the one or the other. The tail of the module's header is entry 0's main sector; where there is no entry, the slot
 * is cleared first, which no live entry is in.
 *
 * @param logicalBlockSize the unit that a power cut leaves whole, in bytes
 */
export function asModulePhases(content: Content, logicalBlockSize: number): Phase[] {
  const sector = moduleBlock(content).subarray(0, logicalBlockSize);
  const phases: Phase[] = [
    { purpose: "write the kernel module's header", writes: [{ at: bytes(0), bytes: sector }] },
  ];
  if (content.table.count === 0)
    phases.unshift({
      purpose: 'clear the first slot of the table',
      writes: [{ at: bytes(HEADER_SIZE), bytes: new Uint8Array(BLOCK_SIZE) }],
      ifFails: { copy: undefined, secure: [], tidy: [], stands: 'before' },
    });
  return phases;
}

/**
 * From the module's metadata to a plain set with this content, which follows from the image's own.
 *
 * @param logicalBlockSize as above
 */
export function asPlainPhases(image: ModuleImage, content: Content, logicalBlockSize: number): Phase[] {
  const lies = image.standing === 'accepted' && image.fillers === 0;
  if (lies) return [{ ...headerSector(content, 'primary', logicalBlockSize), purpose: PLAIN }];
  return [{ purpose: PLAIN, writes: wholeCopy(content, 'primary') }];
}

const PLAIN = 'write the entries of the kernel module as a plain set';
