import { spawnSync } from 'node:child_process';
import { closeSync, openSync, truncateSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../test/support/random.js';
import { PeerMissing } from './bench.js';
import type { Command } from './command.js';

/** Room for a million mappings; what stays empty costs nothing. */
const METADATA_BYTES = 64 << 20;

/** Between two mapped blocks so many are not, on average: no two make one range. */
const GAP = 16;

/** thin_check of device-mapper's thin metadata with so many mappings of single, scattered blocks. */
export function thinCheck(folder: string, count: number): Command {
  const xml = join(folder, `thin-${count}.xml`);
  const metadata = join(folder, `thin-${count}.bin`);
  writeXml(xml, count);
  writeFileSync(metadata, '');
  truncateSync(metadata, METADATA_BYTES);
  try {
    runOrThrow('thin_restore', ['-q', '-i', xml, '-o', metadata]);
  } finally {
    unlinkSync(xml);
  }
  return { program: 'thin_check', args: ['-q', metadata] };
}

function runOrThrow(program: string, args: readonly string[]): void {
  const { status, error, stderr } = spawnSync(program, [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  if (error !== undefined && 'code' in error && error.code === 'ENOENT')
    throw new PeerMissing(`${program} is not here (Debian: thin-provisioning-tools)`);
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ended with ${status}: ${String(stderr).trim()}`);
}

function writeXml(path: string, count: number): void {
  const random = new Random(count);
  const blocks = Array.from({ length: count }, (_, index) => index);
  for (let index = count - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [blocks[index], blocks[other]] = [blocks[other] ?? 0, blocks[index] ?? 0];
  }
  const file = openSync(path, 'wx');
  writeSync(
    file,
    `<superblock uuid="" time="0" transaction="1" version="2" data_block_size="128" nr_data_blocks="${count}">\n` +
      `<device dev_id="1" mapped_blocks="${count}" transaction="0" creation_time="0" snap_time="0">\n`,
  );
  let origin = 0;
  let text = '';
  for (const block of blocks) {
    origin += 2 + random.below(2 * GAP - 2);
    text += `<single_mapping origin_block="${origin}" data_block="${block}" time="0"/>\n`;
    if (text.length < 1 << 20) continue;
    writeSync(file, text);
    text = '';
  }
  writeSync(file, `${text}</device>\n</superblock>\n`);
  closeSync(file);
}
