import { resolve } from 'node:path';
import { runTool, type Told } from './tool.js';

/** Content that blkid names on a device. */
export interface BlkidFind {
  /** In blkid's words: `ext4`, `crypto_LUKS`, `gpt`; AMBIVALENT if it will not decide. */
  readonly type: string;
  /** filesystem, raid, crypto, other, or partition-table. */
  readonly usage?: string;
}

export interface BlkidOptions {
  /** The program to run, `blkid` unless told. */
  readonly program?: string;
  /** Milliseconds until a run is given up, 10,000 unless told. */
  readonly timeout?: number;
}

/** The type of a find where several kinds of one usage lie on each other. */
export const AMBIVALENT = 'ambivalent';

const USAGES = ['filesystem', 'raid', 'crypto', 'other'];

const EXIT_FOUND = 0;
const EXIT_AMBIVALENT = 8;

/**
 * What blkid's low-level probe finds on a device or image file: kinds that our own table may not know. It
 * opens the device read-only and neither reads nor writes blkid's cache.
 *
 * Undefined if there is nothing to tell: blkid is not installed, finds nothing, cannot read the device, or
 * gives no answer in time. Throws nothing.
 */
export async function blkidProbe(path: string, options: BlkidOptions = {}): Promise<BlkidFind[] | undefined> {
  const whole = await run(path, [], options);
  if (whole.code === EXIT_FOUND) return findsOf(whole.output);
  if (whole.code !== EXIT_AMBIVALENT) return undefined;
  // Asked for everything at once it names nothing then; a RAID member and the filesystem under it do not
  // collide when each usage is asked for by itself.
  const finds: BlkidFind[] = [];
  for (const usage of USAGES) {
    const part = await run(path, ['-u', usage], options);
    if (part.code === EXIT_AMBIVALENT) finds.push({ type: AMBIVALENT, usage });
    if (part.code === EXIT_FOUND) finds.push(...(findsOf(part.output) ?? []));
  }
  const seen = new Map(finds.map((find) => [`${find.usage} ${find.type}`, find]));
  return seen.size > 0 ? [...seen.values()] : [{ type: AMBIVALENT }];
}

/** The finds in lines of KEY=value; undefined if they name none (a partition's own entry, say). */
function findsOf(output: string): BlkidFind[] | undefined {
  const values = new Map<string, string>();
  for (const line of output.split('\n')) {
    const equals = line.indexOf('=');
    // In this format blanks and quotes stand behind a backslash.
    if (equals > 0) values.set(line.slice(0, equals), line.slice(equals + 1).replace(/\\(.)/g, '$1'));
  }
  const finds: BlkidFind[] = [];
  const type = values.get('TYPE');
  const usage = values.get('USAGE');
  if (type !== undefined) finds.push(usage === undefined ? { type } : { type, usage });
  const table = values.get('PTTYPE');
  if (table !== undefined) finds.push({ type: table, usage: 'partition-table' });
  return finds.length > 0 ? finds : undefined;
}

/** One run of blkid. */
function run(
  path: string,
  more: readonly string[],
  { program = 'blkid', timeout = 10_000 }: BlkidOptions,
): Promise<Told> {
  // A full path cannot pass for an option.
  return runTool(program, ['-p', '-c', '/dev/null', '-o', 'export', ...more, resolve(path)], { timeout });
}
