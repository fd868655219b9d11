import { closeSync, fsyncSync, openSync, readSync, rmSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { forgetCache } from '../src/device/syscalls.js';
import { HEADER_LENGTH, SECTOR } from '../test/support/format-numbers.js';
import { type Bench, line, verdict } from './bench.js';
import { type Command, race, timeOf } from './command.js';
import { fioRate } from './fio.js';
import { dmremap } from './programs.js';
import { Samples } from './samples.js';
import { filledFile, filledSpare, type Lie } from './spare-image.js';

/**
 * Of nbdcopy's rate where it proves its copy too, and of the rate of fio's reads, at least. A copy that nobody reads
 * back crosses the medium once, one that is proven (format.md section 8, step 3) twice.
 */
const TARGETS = { together: 0.8, scattered: 0.3 };

/** Remaps; reads of the medium one after the other take long enough with a few. */
const COUNTS = {
  together: { cached: 524_288, 'not cached': 524_288 },
  scattered: { cached: 262_144, 'not cached': 32_768 },
} satisfies { readonly [lie in Lie]: { readonly [cache in Cache]: number } };

const TURNS = 9;

/** What the page cache has of the source when a program begins. */
type Cache = 'cached' | 'not cached';

const METHOD =
  'dmremap migrate from one image file to another, which it makes a sparse one of, from before the start of the ' +
  'process to after its end: tables, an undo file, the copy, a flush, and a comparison with what the medium holds, ' +
  'past the page cache; nbdcopy --flush of a file of as many bytes to a new file, alone and followed by reading ' +
  'that past the page cache and comparing it; fio reads single sectors of the same source at random, each once ' +
  '(psync, 512 bytes, through the page cache), as many as there are remaps. "cached": the page cache has the whole ' +
  `source, "not cached": nothing of it. The programs take turns, ${TURNS} each after 2 that do not count; median (least-most)`;

/** A set goes to another spare, beside a plain copy of as many bytes, and beside reads of as many sectors. */
export function migration(folder: string): Bench[] {
  return (['cached', 'not cached'] as const).flatMap((cache) => {
    const title = (lie: Lie) => `migrate, ${COUNTS[lie][cache].toLocaleString('en')} remaps ${lie}, ${cache}`;
    return [
      { title: title('together'), method: METHOD, run: () => together(folder, title('together'), cache) },
      { title: title('scattered'), method: METHOD, run: () => scattered(folder, title('scattered'), cache) },
    ];
  });
}

function together(folder: string, title: string, cache: Cache): string[] {
  const count = COUNTS.together[cache];
  const spare = filledSpare(folder, count, 'together');
  const file = filledFile(folder, count * SECTOR);
  const [copy, proven] = [join(folder, 'copy'), join(folder, 'proven')];
  const afresh = (to: string) => () => {
    rmSync(to, { force: true });
    bring(file, cache);
  };
  const flushed = (to: string) => ['--flush', file, to];
  const readBack = `dd if=${proven} iflag=direct bs=1M status=none | cmp - ${file}`;
  const commands: readonly Command[] = [
    migrating(folder, spare, cache),
    { program: 'nbdcopy', args: flushed(copy), prepare: afresh(copy) },
    {
      program: 'sh',
      args: ['-c', `nbdcopy ${flushed(proven).join(' ')} && ${readBack}`],
      prepare: afresh(proven),
    },
  ];
  const [ours, plain, compared] = race(commands, TURNS);
  if (ours === undefined || plain === undefined || compared === undefined) return [];
  const row = (peer: string, theirs: Samples, target?: number): string => {
    const ratio = theirs.median / ours.median;
    const limit = target === undefined ? '' : ` (at least ${target.toFixed(2)})`;
    const from = `${ours.show('ms')} against ${theirs.show('ms')}, ${ours.count} runs each`;
    const told = target === undefined ? 'info' : verdict(ratio >= target);
    return line(told, title, `${ratio.toFixed(2)} of the rate of ${peer}${limit}`, from);
  };
  return [row('nbdcopy', plain), row('nbdcopy, read back and compared', compared, TARGETS.together)];
}

function scattered(folder: string, title: string, cache: Cache): string[] {
  const count = COUNTS.scattered[cache];
  const spare = filledSpare(folder, count, 'scattered');
  const command = migrating(folder, spare, cache);
  const [ours, theirs] = [new Samples(), new Samples()];
  for (let turn = -2; turn < TURNS; turn++) {
    const rate = (count / timeOf(command)) * 1000;
    const peer = readRate(spare, count, cache);
    if (turn < 0) continue;
    ours.add(rate);
    theirs.add(peer);
  }
  const ratio = ours.median / theirs.median;
  return [
    line(
      verdict(ratio >= TARGETS.scattered),
      title,
      `${ratio.toFixed(2)} of the rate of fio's reads (at least ${TARGETS.scattered.toFixed(2)})`,
      `${ours.show('/s')} against ${theirs.show('/s')}, ${ours.count} runs each`,
    ),
  ];
}

/** Sectors a second. */
function readRate(file: string, count: number, cache: Cache): number {
  bring(file, cache);
  const reads = ['--rw=randread', '--ioengine=psync', '--bs=512', `--number_ios=${count}`, '--randrepeat=0'];
  return fioRate(['--name=x', `--filename=${file}`, '--readonly', '--invalidate=0', ...reads], 'read');
}

/** Each time from the spare as it was at first, to one that is new. */
function migrating(folder: string, from: string, cache: Cache): Command {
  const [to, undo] = [join(folder, 'to.img'), join(folder, 'to.undo')];
  const { size } = statSync(from);
  const headers = headersAtFirst(from, size);
  return {
    ...dmremap('migrate', from, to, '--yes', `--undo-file=${undo}`),
    prepare: () => {
      for (const file of [to, undo]) rmSync(file, { force: true });
      closeSync(openSync(to, 'wx'));
      truncateSync(to, size);
      const file = openSync(from, 'r+');
      for (const { at, bytes } of headers) writeSync(file, bytes, 0, bytes.length, at);
      closeSync(file);
      bring(from, cache);
    },
  };
}

interface Place {
  readonly at: number;
  readonly bytes: Buffer;
}

const known = new Map<string, readonly Place[]>();

/** Both, as they were when this spare was first asked for: active. */
function headersAtFirst(spare: string, size: number): readonly Place[] {
  const found =
    known.get(spare) ?? [0, size - HEADER_LENGTH].map((at) => ({ at, bytes: bytesAt(spare, at) }));
  known.set(spare, found);
  return found;
}

function bytesAt(path: string, at: number): Buffer {
  const bytes = Buffer.alloc(HEADER_LENGTH);
  const file = openSync(path, 'r');
  readSync(file, bytes, 0, bytes.length, at);
  closeSync(file);
  return bytes;
}

const piece = Buffer.alloc(1 << 20);

/** What was written before is on the medium, so that nobody pays for another. */
function bring(path: string, cache: Cache): void {
  const file = openSync(path, 'r+');
  fsyncSync(file);
  const { size } = statSync(path);
  if (cache === 'not cached') forgetCache(file, 0, size);
  else for (let at = 0; at < size; at += piece.length) readSync(file, piece, 0, piece.length, at);
  closeSync(file);
}
