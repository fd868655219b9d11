/** Flags and arguments that more than one command has, so that they read and mean the same everywhere. */
import * as Args from '@oclif/core/args';
import * as Flags from '@oclif/core/flags';
import { DmremapError } from '../errors.js';
import { parseCount, parseSectors, parseSize, type SectorRange } from '../exchange/quantities.js';
import { CAPACITY } from '../format/header.js';
import { MODULE_CAPACITY } from '../format/module.js';
import { type Bytes, type Sectors, sectors } from '../units.js';

async function deviceName(text: string): Promise<string> {
  if (text.trim() === '') {
    throw new DmremapError('usage', 'the name of a device is empty');
  }
  return text;
}

/** An argument that names a device: a path, an image file, or a tag such as SET=UUID. */
export const deviceArg = Args.custom<string>({ parse: deviceName });

/** A flag that names a device. */
export const deviceFlag = Flags.custom<string>({ parse: deviceName, helpValue: 'DEVICE' });

const SPARE_FORMS = 'The spare: a block device, an image file, or SET=, SPARE=, WWN=, PARTUUID=.';

export const spareArg = deviceArg({ required: true, description: SPARE_FORMS });

export const optionalSpareArg = deviceArg({ description: SPARE_FORMS });

export const sparesArg = deviceArg({ required: true, multiple: true, description: SPARE_FORMS });

const sector = Args.custom<SectorRange>({ parse: async (text) => parseSectors(text) });

export const sectorsArg = sector({
  required: true,
  multiple: true,
  description: 'Sectors of 512 bytes: N, N-M or N+COUNT.',
});

/** As sectorsArg, for commands that also take their sectors from a file. */
export const optionalSectorsArg = sector({
  multiple: true,
  description: 'Sectors of 512 bytes: N, N-M or N+COUNT.',
});

/** A size in bytes: `4096`, `64K`, `8s`. */
export const sizeFlag = Flags.custom<Bytes>({ parse: async (text) => parseSize(text), helpValue: 'SIZE' });

/** A whole number; `least` bounds it from below. */
export const countFlag = Flags.custom<number, { least?: number }>({
  parse: async (text, _context, { least }) => parseCount(text, least),
  helpValue: 'N',
});

/** A whole number of sectors, which may be negative. */
export const offsetFlag = Flags.custom<number>({
  parse: async (text) => (text.startsWith('-') ? -parseCount(text.slice(1)) : parseCount(text)),
  helpValue: 'N',
});

/** A TCP port; 0 stands for a free one. */
export const portFlag = Flags.custom<number>({
  parse: async (text) => {
    const port = parseCount(text);
    if (port > 65_535) throw new DmremapError('usage', `there is no port ${port}`);
    return port;
  },
  helpValue: 'N',
});

/** Bytes a second. */
export const rateFlag = Flags.custom<Bytes>({
  parse: async (text) => {
    const rate = parseSize(text);
    if (rate === 0) throw new DmremapError('usage', 'a rate of 0 gets nowhere');
    return rate;
  },
  helpValue: 'RATE',
});

/** The capacity of a remap table. */
export const capacityFlag = Flags.custom<number>({
  parse: async (text) => {
    const count = parseCount(text, CAPACITY.least);
    if (count > CAPACITY.most)
      throw new DmremapError('usage', `a table has at most ${CAPACITY.most} entries`);
    return count;
  },
  helpValue: 'N',
});

/** Of the layouts of a spare, where one is to be made. */
export const LAYOUTS = ['redundant', 'plain', 'module'] as const;
export const LAYOUT_MEANING = 'Two copies of the metadata, one, or what the dm-remap v3 kernel module reads.';

export const entriesFlag = capacityFlag({
  description: `Capacity: how many sectors can be remapped; ${CAPACITY.usual} unless told, ${MODULE_CAPACITY} in the layout module.`,
});

/** The capacity of a set of this layout: the table of the kernel module has one size. */
export function entriesFor(layout: (typeof LAYOUTS)[number], entries: number | undefined): number {
  if (layout !== 'module') return entries ?? CAPACITY.usual;
  if (entries === undefined || entries === MODULE_CAPACITY) return MODULE_CAPACITY;
  throw new DmremapError('usage', `the kernel module's table has ${MODULE_CAPACITY} entries`);
}

export const spareStartFlag = countFlag({
  description: "With --layout module: the first sector of the spare in the module's device-mapper line.",
});

/** Only the kernel module wants its sectors in a row. */
export function spareStartOf(
  layout: (typeof LAYOUTS)[number],
  start: number | undefined,
): Sectors | undefined {
  if (start === undefined) return undefined;
  if (layout !== 'module') throw new DmremapError('usage', '--spare-start goes with --layout module');
  return sectors(start);
}

export const mainFlag = deviceFlag({
  description: 'The main device; found by its identity where it is left out.',
  helpValue: 'MAIN',
});

export const acceptMainFlag = Flags.string({
  description: 'Accept a main device with this identity instead of the recorded one.',
  helpValue: 'ID',
});

export const moduleFlag = Flags.boolean({
  description: 'Look for what the dm-remap v3 kernel module leaves on a spare without a magic.',
});

export const progressFlag = Flags.option({
  options: ['json'] as const,
  description: 'Write progress as one JSON line a second to standard error.',
})();

export const yesFlag = Flags.boolean({ char: 'y', description: 'Answer yes to every question.' });

export const dryRunFlag = Flags.boolean({ description: 'Show what would be done, and do nothing.' });

export const forceFlag = Flags.boolean({ description: 'Overwrite a foreign signature, and erase it.' });

export const discardRemapsFlag = countFlag({
  description: 'Overwrite a device with live entries; N is their exact number.',
});

/** Where the blocks that a command overwrites are saved. */
export const undoFlags = {
  'undo-file': Flags.string({ description: 'Save what is overwritten in this file.', helpValue: 'FILE' }),
  'no-undo': Flags.boolean({ description: 'Save nothing.', exclusive: ['undo-file'] }),
};

/** What every command that writes to a device takes. */
export const changeFlags = { yes: yesFlag, 'dry-run': dryRunFlag, ...undoFlags };

/** The socket on which a server takes messages. */
export const controlFlag = Flags.custom<string>({ helpValue: 'PATH' });

/** For commands whose result can go to a file. */
export const outputFlags = {
  output: Flags.string({ char: 'o', description: 'Write to this file.', helpValue: 'FILE' }),
  overwrite: Flags.boolean({ description: 'Replace the file if it exists.', dependsOn: ['output'] }),
};
