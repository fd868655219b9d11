import { DmremapError } from '../../errors.js';
import type { DumpDocument } from '../../exchange/dump-document.js';
import { ENTRY_SIZE, encodeEntries, RemapTable } from '../../format/entry.js';
import { decodeHeader, encodeHeader, HEADER_SIZE, STATE } from '../../format/header.js';
import { asItLies, MODULE_CAPACITY, moduleCrc, ZERO_TAIL } from '../../format/module.js';
import { previousChecksum } from '../../format/module-proof.js';
import { type Content, contentOf } from '../../store/content.js';
import { isValid } from '../../store/copy.js';
import { loadCopies } from '../../store/load.js';
import { loadChoice } from '../../store/load-choice.js';
import type { Layout } from '../../store/relayout.js';
import { bytes, sectors } from '../../units.js';
import { examine, settle } from '../check.js';
import { createSpare } from '../create.js';
import { relayoutSpare } from '../relayout.js';
import { restoreSpare } from '../restore.js';
import { undoSpare } from '../undo.js';
import { wipeSpare } from '../wipe.js';
import type { Work } from './run-once.js';
import type { Stage } from './stage.js';

/** The commands that change a spare, as they are typed with --yes. */

/** `check -p`; or `check -y`, which is refused where nothing is proven: one checksum proves little of a large table. */
export function check(mode: 'preen' | 'yes' = 'preen'): Work {
  return command(async (stage) => {
    const options = { mode, now: stage.now, undo: stage.undo };
    const { remaining } = await settle(await examine(stage.path, options), options);
    if (mode === 'yes' && remaining.length > 0)
      throw new DmremapError('unsupported', `not proven: ${remaining.map(({ id }) => id).join(', ')}`);
  });
}

/** Over the set that is there. */
export function create(layout: Layout): Work {
  return command(async (stage) => {
    const before = await metadataOf(stage);
    await createSpare(stage.path, {
      ...options(stage),
      main: { size: sectors(Number(before?.header.main_device_size ?? 100_000n)) },
      entries: layout === 'module' ? MODULE_CAPACITY : 20,
      layout,
      force: false,
      discardRemaps: before?.table.count,
    });
  });
}

export function wipe(): Work {
  return command(async (stage) => {
    await wipeSpare(stage.path, {
      ...options(stage),
      discardRemaps: (await metadataOf(stage))?.table.count,
    });
  });
}

/** Of an earlier dump: half of the entries, in another order. */
export function restore(): Work {
  return command((stage) => restoreEntries(stage, (index) => index % 2 === 0));
}

/** Done before what `undo` puts back: the entries come into another order and stay the same remaps. */
export async function reorder(stage: Stage): Promise<void> {
  await restoreEntries(stage, () => true);
}

/** One bit of the table in every copy, each another one: no copy is valid, and what they held is proven. */
export async function flipBits({ device, dice }: Stage): Promise<void> {
  const { primary, backups } = await loadCopies(device);
  const block = new Uint8Array(device.logicalBlockSize);
  const bits = Math.min(primary.header.entry_count * ENTRY_SIZE, block.length) * 8;
  let bit = dice.below(bits);
  for (const { tableAt } of [primary, ...backups].filter(isValid)) {
    if (tableAt === undefined) continue;
    await device.read(tableAt, block);
    block[bit >> 3] = (block[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await device.write(tableAt, block);
    bit = (bit + 1 + dice.below(bits - 1)) % bits;
  }
  await device.flush();
}

export function undo(): Work {
  return command(async (stage) => {
    await undoSpare(stage.path, { ...options(stage), from: undefined, main: stage.main });
  });
}

export function convert(layout: Layout): Work {
  return command(async (stage) => {
    await relayoutSpare(stage.path, { name: 'convert', layout }, { ...options(stage), acceptGuess: false });
  });
}

/** @param capacity the new one, by what the set holds */
export function resize(capacity: (content: Content) => number): Work {
  return command(async (stage) => {
    const content = await metadataOf(stage);
    if (content === undefined) return;
    const change = { name: 'resize', maxEntries: capacity(content) } as const;
    await relayoutSpare(stage.path, change, { ...options(stage), acceptGuess: false });
  });
}

/** As the kernel module leaves a spare that it saved for the first time: its first entry is lost, and proven. */
export async function savedByModule(stage: Stage): Promise<void> {
  await convert('module')(stage);
  const { device } = stage;
  const front = new Uint8Array(2 * HEADER_SIZE);
  await device.read(bytes(0), front);
  const { entry_count } = decodeHeader(front);
  const { table } = asItLies(front, entry_count);
  const block = encodeHeader({ generation: 1, total_remaps_created: 0n }, front);
  const summed = encodeHeader({ checksum: previousChecksum(block) ?? 0, state: STATE.writing }, block);
  front.set(encodeHeader({ checksum: moduleCrc({ block: summed, tail: ZERO_TAIL, table }) }, block));
  front.set(ZERO_TAIL, HEADER_SIZE);
  await device.write(bytes(0), front);
  await device.flush();
}

/** A change in one: when it returns it is durable. */
export function command(run: (stage: Stage) => Promise<void>): Work {
  return async (stage) => {
    await run(stage);
    await stage.answer();
  };
}

/** Nobody is asked. */
export function options(stage: Stage) {
  return { approve: async () => true, undo: stage.undo, now: stage.now } as const;
}

async function metadataOf(stage: Stage): Promise<Content | undefined> {
  const { choice, table } = await loadChoice(stage.device);
  return choice.chosen === undefined || table === undefined
    ? undefined
    : contentOf(choice.chosen.block, table);
}

async function restoreEntries(stage: Stage, keep: (index: number) => boolean): Promise<void> {
  const content = await metadataOf(stage);
  if (content === undefined) return;
  const { table, block } = content;
  const kept = [...table.live()].filter(keep).reverse();
  const entries = kept.map((index): [bigint, bigint] => [
    BigInt(table.mainSector(index)),
    BigInt(table.spareSector(index)),
  ]);
  const dump: DumpDocument = {
    device: { size: stage.device.size, serial: undefined },
    valid: true,
    block,
    table: new RemapTable(encodeEntries(entries)).bytes,
  };
  await restoreSpare(stage.path, {
    ...options(stage),
    input: dump,
    sameDevice: true,
    acceptGuess: true,
  });
}
