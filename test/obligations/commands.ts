/**
 * The table of all commands: what every one of them owes to its user is written once, in the tests beside
 * this file, and holds for each row. A command without a row fails frozen.test.ts.
 */
import { buildImage, type Entry, type Fields } from '../support/build-image.js';

/** What a line needs besides the spare. */
export interface Things {
  readonly spare: string;
  /** Of the size that the healthy spare's metadata says. */
  readonly main: string;
  /** Holds nothing. */
  readonly target: string;
  /** A json dump of the healthy spare. */
  readonly dump: string;
  /** The socket of a server. */
  readonly control: string;
}

export interface Row {
  readonly name: string;
  readonly does: 'read' | 'change';
  /** What it takes for a spare: nothing, one device, or several. */
  readonly takes: 'nothing' | 'device' | 'devices';
  /** A line that succeeds on the healthy spare. */
  readonly line: (things: Things) => readonly string[];
  /** Lines that lack an argument or a flag that must be there. */
  readonly lacking: readonly (readonly string[])[];
  /**
   * Looks at devices to find spares among them: one that is none is no error, and one that cannot be read is
   * told in the document, beside the others.
   */
  readonly searches?: true;
  /** What a reading line ends with where no copy is valid, if not with 4. */
  readonly onDamaged?: number;
  /** What comes of a device full of zeros, where that is not `not-dmremap3`. */
  readonly onZeros?: 'success' | 'wrong-device';
}

/** Without a gap from the first data sector on, as the kernel module demands for --target remap. */
export const HEALTHY_ENTRIES: readonly Entry[] = [
  [7, 16],
  [8, 17],
  [9, 18],
  [1000, 19],
  [4095, 20],
];
export const MAIN_SECTORS = 4096;
const SPARE_SECTORS = 2048;
const LIVE = String(HEALTHY_ENTRIES.length);

export const ROWS: readonly Row[] = [
  {
    name: 'check',
    does: 'read',
    takes: 'devices',
    line: ({ spare }) => ['check', spare],
    lacking: [['check'], ['check', '-n'], ['check', 'SPARE', '--main']],
  },
  {
    name: 'convert',
    does: 'change',
    takes: 'device',
    line: ({ spare }) => ['convert', spare, '--layout', 'plain', '--yes'],
    lacking: [['convert'], ['convert', 'SPARE', '--yes'], ['convert', '--layout', 'plain', '--yes']],
  },
  {
    name: 'create',
    does: 'change',
    takes: 'device',
    line: ({ spare, main }) => ['create', spare, '--main', main, '--discard-remaps', LIVE, '--yes'],
    lacking: [['create'], ['create', 'SPARE', '--yes'], ['create', '--main-size', '1G', '--yes']],
    onZeros: 'success',
  },
  {
    name: 'ctl',
    does: 'read',
    takes: 'nothing',
    line: ({ control }) => ['ctl', 'verify', '7', '--control', control],
    lacking: [['ctl'], ['ctl', 'ping', '--control']],
  },
  {
    name: 'dump',
    does: 'read',
    takes: 'device',
    line: ({ spare }) => ['dump', spare],
    lacking: [['dump'], ['dump', 'SPARE', '-o'], ['dump', 'SPARE', '--overwrite']],
  },
  {
    name: 'explain',
    does: 'read',
    takes: 'nothing',
    line: () => ['explain', 'format'],
    lacking: [],
  },
  {
    name: 'info',
    does: 'read',
    takes: 'device',
    line: ({ spare }) => ['info', spare],
    lacking: [['info']],
  },
  {
    name: 'lookup',
    does: 'read',
    takes: 'device',
    line: ({ spare }) => ['lookup', spare, '7', '0-20', '4095+1'],
    lacking: [['lookup'], ['lookup', 'SPARE']],
  },
  {
    name: 'map',
    does: 'read',
    takes: 'device',
    line: ({ spare }) => ['map', spare],
    lacking: [['map'], ['map', 'SPARE', '--svg'], ['map', 'SPARE', '--overwrite']],
  },
  {
    name: 'migrate',
    does: 'change',
    takes: 'device',
    line: ({ spare, target }) => ['migrate', spare, target, '--yes'],
    lacking: [['migrate'], ['migrate', 'FROM', '--yes'], ['migrate', 'FROM', 'TO', '--lost']],
  },
  {
    name: 'rebind',
    does: 'change',
    takes: 'device',
    line: ({ spare, main }) => ['rebind', spare, '--main', main, '--yes'],
    lacking: [['rebind'], ['rebind', 'SPARE', '--yes'], ['rebind', '--main', 'MAIN', '--yes']],
  },
  {
    name: 'remap',
    does: 'change',
    takes: 'device',
    line: ({ spare, main }) => ['remap', spare, '--main', main, '20', '--yes'],
    lacking: [['remap'], ['remap', 'SPARE', '--yes'], ['remap', 'SPARE', '--badblocks']],
  },
  {
    name: 'repair',
    does: 'change',
    takes: 'device',
    line: ({ spare }) => ['repair', spare, '--yes'],
    lacking: [['repair'], ['repair', 'SPARE', '--accept-guess'], ['repair', 'SPARE', '--answer']],
  },
  {
    name: 'resize',
    does: 'change',
    takes: 'device',
    line: ({ spare }) => ['resize', spare, '--entries', '600', '--yes'],
    lacking: [['resize'], ['resize', 'SPARE', '--yes'], ['resize', '--entries', '600', '--yes']],
  },
  {
    name: 'restore',
    does: 'change',
    takes: 'device',
    line: ({ spare, dump }) => ['restore', spare, '--input', dump, '--yes'],
    lacking: [['restore'], ['restore', 'SPARE', '--yes'], ['restore', '--input', 'DUMP', '--yes']],
    onZeros: 'wrong-device',
  },
  {
    name: 'scan',
    does: 'read',
    takes: 'devices',
    line: ({ spare }) => ['scan', spare],
    lacking: [],
    searches: true,
  },
  {
    name: 'selftest',
    does: 'read',
    takes: 'nothing',
    line: ({ spare }) => ['selftest', '--crash', '--image', spare, '--states', '4'],
    lacking: [['selftest'], ['selftest', '--crash', '--image']],
  },
  {
    name: 'serve',
    does: 'change',
    takes: 'device',
    line: ({ spare, main }) => [
      ...['serve', spare, '--main', main, '--unix', `${spare}.nbd`, '--control', `${spare}.ctl`],
      ...['--run', 'true'],
    ],
    lacking: [['serve'], ['serve', 'SPARE', '--plan', 'FILE'], ['serve', 'SPARE', '--port']],
  },
  {
    name: 'status',
    does: 'read',
    takes: 'device',
    line: ({ spare }) => ['status', spare],
    lacking: [['status'], ['status', 'SPARE', '--format']],
  },
  {
    name: 'table',
    does: 'read',
    takes: 'device',
    line: ({ spare, main }) => ['table', spare, '--main', main],
    lacking: [['table'], ['table', 'SPARE', '--target']],
  },
  {
    name: 'undo',
    does: 'read',
    takes: 'device',
    line: ({ spare }) => ['undo', spare, '--list'],
    lacking: [['undo'], ['undo', 'SPARE', '--from']],
    // a spare that was wiped has its undo files all the more
    onZeros: 'success',
    onDamaged: 0,
  },
  {
    name: 'unit',
    does: 'read',
    takes: 'device',
    line: ({ spare }) => ['unit', spare, '--for', 'linear', '--format', 'systemd'],
    lacking: [['unit'], ['unit', 'SPARE', '--for', 'linear'], ['unit', 'SPARE', '--format', 'dracut']],
  },
  {
    name: 'unremap',
    does: 'change',
    takes: 'device',
    line: ({ spare, main }) => ['unremap', spare, '--main', main, '7', '--yes'],
    lacking: [['unremap'], ['unremap', 'SPARE', '--yes'], ['unremap', 'SPARE', '7', '--main']],
  },
  {
    name: 'wipe',
    does: 'change',
    takes: 'device',
    line: ({ spare }) => ['wipe', spare, '--discard-remaps', LIVE, '--yes'],
    lacking: [['wipe'], ['wipe', '--yes'], ['wipe', 'SPARE', '--discard-remaps']],
  },
];

/** A redundant spare with nothing wrong; `fields` of it may hold something else. */
export function healthyImage(fields: Fields = {}, sectors = SPARE_SECTORS): Buffer {
  return buildImage({
    layout: 'redundant',
    sectors,
    maxEntries: 255,
    mainSectors: MAIN_SECTORS,
    entries: HEALTHY_ENTRIES,
    fields,
  });
}

/** Every line of a reading command that is worth telling apart, on one spare. */
export function readingLines({ spare, main }: Things): (readonly string[])[] {
  return [
    ['check', spare],
    ['check', '-n', '--media', '--main', main, spare],
    ['info', spare, '--verbose'],
    ...['json', 'text', 'csv', 'hex'].map((format) => ['dump', spare, '--format', format]),
    ['dump', spare, '--json'],
    ['dump', spare, '--copy', 'primary'],
    ['dump', spare, '--copy', 'backup'],
    ['lookup', spare, '7', '0-20'],
    ['map', spare],
    ['table', spare, '--main', main],
    ['table', spare, '--main', main, '--target', 'remap', '--format', 'command'],
    ['scan', spare],
    ['scan', '--deep', spare],
    ['undo', spare, '--list'],
    ...['line', 'json', 'prometheus'].map((format) => ['status', spare, '--format', format]),
  ];
}
