import { crc32 } from './format-numbers.js';

/**
 * A second reading of undo files, from what docs say about their bytes: a head of 4096 bytes, the bytes of all
 * blocks one after the other, and a description in JSON.
 */

const HEAD = 4096;
const NO_CHECKSUM = Buffer.alloc(4);

export interface SavedBlock {
  readonly at: number;
  readonly bytes: Buffer;
}

/** A file whose writing was cut short is `incomplete`: nothing was overwritten yet. */
export type ReadUndo =
  | { readonly state: 'unfinished' | 'finished'; readonly blocks: readonly SavedBlock[] }
  | { readonly state: 'incomplete' };

/** Throws where a file with a head is damaged anywhere. */
export function readUndo(file: Buffer): ReadUndo {
  const head = file.subarray(0, HEAD);
  if (!head.some((byte) => byte !== 0)) return { state: 'incomplete' };
  demand(head.toString('latin1', 0, 8) === 'DMRUNDO1' && head.readUInt32LE(8) === 1, 'magic and version');
  demand(head.readUInt32LE(12) === crc32([head.subarray(0, 12), NO_CHECKSUM, head.subarray(16)]), 'head');
  const state = head.readUInt32LE(16);
  demand(state <= 1, 'state');
  const end = HEAD + Number(head.readBigUInt64LE(32));
  const [data, text] = [file.subarray(HEAD, end), file.subarray(end)];
  demand(head.readUInt32LE(24) === crc32([data]), 'saved bytes');
  demand(text.length === Number(head.readBigUInt64LE(40)), 'length');
  demand(head.readUInt32LE(20) === crc32([text]), 'description');
  return { state: state === 1 ? 'finished' : 'unfinished', blocks: blocksOf(text, data) };
}

function blocksOf(text: Buffer, data: Buffer): SavedBlock[] {
  const { blocks } = JSON.parse(text.toString()) as {
    blocks: readonly { readonly device: string; readonly at: number; readonly length: number }[];
  };
  let from = 0;
  return blocks.map(({ device, at, length }) => {
    demand(device === 'spare', 'only blocks of the spare');
    from += length;
    return { at, bytes: data.subarray(from - length, from) };
  });
}

function demand(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`undo file: wrong ${what}`);
}

/** The device with the saved bytes of these files put back, the newest file first. */
export function putBack(image: Buffer, files: readonly ReadUndo[]): Buffer {
  const before = Buffer.from(image);
  for (const file of files)
    if (file.state !== 'incomplete') for (const { at, bytes } of file.blocks) bytes.copy(before, at);
  return before;
}
