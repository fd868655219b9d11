import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { SECTOR } from '../test/support/format-numbers.js';
import { type Bench, line, timesOf, verdict } from './bench.js';
import { type Command, race } from './command.js';
import { fioRate } from './fio.js';
import { attachedLoop } from './loop.js';
import {
  type Contender,
  nbdkit,
  nbdkitUncached,
  ours,
  qemuNbd,
  qemuNbdDirect,
  type Running,
  serving,
  withServers,
} from './nbd-servers.js';
import { Samples } from './samples.js';
import { type SpareOrder, spareImage } from './spare-image.js';

/** Of what nbdkit's file plugin does in the same time, at least; past the page cache, of what qemu-nbd does. */
const TARGETS = { shallow: 0.7, deep: 1, copy: 0.7 };

interface Load {
  /** Requests under way on each connection. */
  readonly depth: number;
  readonly connections: number;
}

const LOADS: readonly Load[] = [
  { depth: 1, connections: 1 },
  { depth: 16, connections: 1 },
  { depth: 64, connections: 1 },
  { depth: 1, connections: 4 },
  { depth: 16, connections: 4 },
  { depth: 64, connections: 4 },
];

const FILE_BYTES = 1 << 30;
const TURNS = 5;
const SECONDS = 2;

const RANDOM =
  `nbd, random: fio's nbd engine over 1 or 4 connections to a Unix socket, a file of 1 GiB in memory for each ` +
  `server; direct: loop devices over such files, which ours and qemu-nbd open with O_DIRECT, while nbdkit has the ` +
  `page cache and asks the system to forget (cache=none); requests a second of ${SECONDS} s; the servers take turns, ${TURNS} each; median (least-most)`;

const COPY = timesOf('nbd, copy: nbdcopy of 1 GiB over a Unix socket, its own connections', TURNS);

/** Sectors of our main that live on the spare, spread evenly over what is read and written. */
interface Remaps {
  readonly what: string;
  readonly count: number;
  readonly order: SpareOrder;
}

const REMAPS: readonly Remaps[] = [
  { what: '0 remaps', count: 0, order: 'ascending' },
  { what: '1 remaps', count: 1, order: 'ascending' },
  // as `remap` lays out a list of bad sectors
  { what: '100000 remaps', count: 100_000, order: 'ascending' },
  // as errors come in any order: no two that are read together lie side by side
  { what: '100000 remaps in no order', count: 100_000, order: 'shuffled' },
];

/** What is served, and by whom: ours first, then the one that the target is about. */
interface Contest {
  readonly what: string;
  readonly contenders: readonly Contender[];
  readonly mediumOf: (file: string) => string;
}

/**
 * A file of 1 GiB in memory, served by our peers and by us: as it is, by the server alone, and as the main of a
 * set, by `dmremap serve`. Then the same as a block device, past the page cache.
 */
export function nbd(folder: string): Bench[] {
  const spares = join(memory ?? folder, 'spares');
  mkdirSync(spares, { recursive: true });
  const spare = ({ count, order }: Remaps): string => spareImage(spares, count, FILE_BYTES / SECTOR, order);
  const contests: Contest[] = [
    { what: 'plain file', contenders: [ours, nbdkit, qemuNbd], mediumOf: (file) => file },
    ...REMAPS.map((remaps): Contest => {
      const own = serving(`dmremap serve, ${remaps.what}`, () => spare(remaps));
      return { what: remaps.what, contenders: [own, nbdkit, qemuNbd], mediumOf: (file) => file };
    }),
    ...REMAPS.map((remaps): Contest => {
      const own = serving(`dmremap serve, ${remaps.what}, direct`, () => attachedLoop(spare(remaps)));
      return {
        what: `direct, ${remaps.what}`,
        contenders: [own, qemuNbdDirect, nbdkitUncached],
        mediumOf: attachedLoop,
      };
    }),
  ];
  return contests.flatMap((contest) => benchesOf(folder, contest));
}

function benchesOf(folder: string, { what, contenders, mediumOf }: Contest): Bench[] {
  const against = (work: (running: readonly Running[]) => string[]) =>
    withServers(folder, contenders, ({ name }) => mediumOf(fullFile(join(memory ?? folder, name))), work);
  const random = ['randread', 'randwrite'].flatMap((kind) =>
    LOADS.map((load): Bench => {
      const title = `nbd, ${what}, ${kind} of 4 KiB at depth ${load.depth}, ${load.connections} connections`;
      return {
        title,
        method: RANDOM,
        run: () => against((running) => compareRandom(title, running, kind, load)),
      };
    }),
  );
  const copy = (['read', 'write'] as const).map((way): Bench => {
    const title = `nbd, ${what}, copy by ${way}`;
    return {
      title,
      method: COPY,
      run: () => against((running) => compareCopies(folder, title, running, way)),
    };
  });
  return [...random, ...copy];
}

const created = new Set<string>();

/** Where files lie in memory, so that no disk has a say; undefined where there is no such place. */
const memory = existsSync('/dev/shm') ? mkdtempSync('/dev/shm/dmremap-bench-') : undefined;
if (memory !== undefined) process.once('exit', () => rmSync(memory, { recursive: true, force: true }));

/** A file of no holes. */
function fullFile(path: string): string {
  if (created.has(path)) return path;
  const piece = Buffer.alloc(1 << 24, 0x5a);
  const file = openSync(path, 'w');
  for (let at = 0; at < FILE_BYTES; at += piece.length) writeSync(file, piece);
  closeSync(file);
  created.add(path);
  return path;
}

function compareRandom(title: string, running: readonly Running[], kind: string, load: Load): string[] {
  const samples = running.map(() => new Samples());
  for (let turn = 0; turn < TURNS; turn++)
    for (const [index, { uri }] of running.entries()) samples[index]?.add(fio(uri, kind, load));
  const target = load.depth === 1 ? TARGETS.shallow : TARGETS.deep;
  return compared(title, running, samples, (own, theirs) => own.median / theirs.median, '/s', target);
}

function compareCopies(
  folder: string,
  title: string,
  running: readonly Running[],
  way: 'read' | 'write',
): string[] {
  const source = fullFile(join(memory ?? folder, 'plain-source'));
  const commands = running.map(
    ({ uri }): Command => ({
      program: 'nbdcopy',
      args: way === 'read' ? [uri, 'null:'] : ['--destination-is-zero', source, uri],
    }),
  );
  const samples = race(commands, TURNS);
  return compared(title, running, samples, (own, theirs) => theirs.median / own.median, 'ms', TARGETS.copy);
}

/** The first of them beside each of the others; the target is about the second. */
function compared(
  title: string,
  running: readonly Running[],
  samples: readonly Samples[],
  ratioOf: (own: Samples, theirs: Samples) => number,
  unit: string,
  target: number,
): string[] {
  const [own, ...others] = samples;
  return others.flatMap((theirs, index) => {
    if (own === undefined) return [];
    const ratio = ratioOf(own, theirs);
    const name = running[index + 1]?.name ?? '';
    const isTarget = index === 0;
    const limit = isTarget ? ` (at least ${target.toFixed(2)})` : '';
    return [
      line(
        isTarget ? verdict(ratio >= target) : 'info',
        title,
        `${ratio.toFixed(2)} of ${name}${limit}`,
        `${own.show(unit)} against ${theirs.show(unit)}`,
      ),
    ];
  });
}

/** Requests a second. */
function fio(uri: string, kind: string, { depth, connections }: Load): number {
  const jobs = [`--iodepth=${depth}`, `--numjobs=${connections}`, '--group_reporting'];
  const size = ['--bs=4k', `--size=${FILE_BYTES}`, ...jobs];
  const time = ['--time_based', `--runtime=${SECONDS}`, '--randrepeat=0'];
  const args = ['--name=x', '--ioengine=nbd', `--uri=${uri}`, `--rw=${kind}`, ...size, ...time];
  return fioRate(args, kind === 'randread' ? 'read' : 'write');
}
