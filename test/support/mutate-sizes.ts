import { buildImage, endPlace } from './build-image.js';
import { BLOCK, redundantGeometry, SECTOR } from './format-numbers.js';
import type { Kind } from './mutate-kinds.js';

/** Devices that have become longer or shorter, and what strangers put at their ends. */

/** What other tools leave at the beginning of a device; enough of each to be known by. */
const SIGNATURES: readonly (readonly [name: string, at: number, bytes: Buffer])[] = [
  ['ext', 1024, ext()],
  ['MBR', 446, mbr()],
  ['GPT', 512, Buffer.from('EFI PART')],
  ['XFS', 0, Buffer.from('XFSB')],
  ['LUKS', 0, Buffer.from('4c554b53babe', 'hex')],
  ['swap', 4086, Buffer.from('SWAPSPACE2')],
  ['LVM', 512, Buffer.from('LABELONE')],
];

function ext(): Buffer {
  const superblock = Buffer.alloc(1024);
  superblock.writeUInt32LE(1000, 0);
  superblock.writeUInt32LE(4000, 4);
  superblock.writeUInt16LE(0xef53, 56);
  return superblock;
}

function mbr(): Buffer {
  const table = Buffer.alloc(66);
  table[0] = 0x80;
  table[4] = 0x83;
  table.writeUInt16BE(0x55aa, 64);
  return table;
}

export const SIZES: readonly Kind[] = [
  {
    name: 'shrunk',
    apply(subject) {
      const { image, random } = subject;
      const lost = Math.min(random.pick([1, 7, 8, 9, 16, 100]), image.length / SECTOR - 8);
      subject.image = Buffer.from(image.subarray(0, image.length - lost * SECTOR));
      return `by ${lost} sectors`;
    },
  },
  {
    name: 'cut off within a sector',
    apply(subject) {
      const length = subject.random.pick([0, 100, 4095, 4096 + 100, subject.image.length - 1]);
      subject.image = Buffer.from(subject.image.subarray(0, length));
      return `at byte ${length}`;
    },
  },
  {
    name: 'grown',
    apply(subject) {
      const { image, random } = subject;
      const tail = Buffer.alloc(random.pick([1, 3, 7, 8, 9, 16, 64, 200]) * SECTOR);
      const filling = random.pick(['zeros', 'zeros', 'garbage', 'one byte']);
      if (filling === 'garbage') random.bytes(tail.length).copy(tail);
      if (filling === 'one byte') tail[random.below(tail.length)] = 1;
      subject.image = Buffer.concat([image, tail]);
      return `by ${tail.length / SECTOR} sectors of ${filling}`;
    },
  },
  {
    name: 'grown, and the move cut short',
    layouts: ['redundant'],
    apply(subject) {
      const { image, spec, random } = subject;
      // What the set will be: one generation on, with the real size and the geometry of that size.
      const sectors = spec.sectors + random.pick([8, 64, 200]);
      const generation = spec.generation === 0xffff_ffff ? 1 : spec.generation + 1;
      const after = buildImage({ ...spec, sectors, generation });
      const grown = Buffer.concat([image, Buffer.alloc(after.length - image.length)]);
      const oldHeader = Math.floor((spec.sectors * SECTOR) / BLOCK) * BLOCK - BLOCK;
      const stage = random.pick(['backup in part', 'backup', 'primary', 'erased']);
      for (let at = image.length; at < after.length; at += SECTOR)
        if (random.chance(0.5)) after.copy(grown, at, at, at + SECTOR);
      // The new area may begin within the old size.
      if (stage !== 'backup in part') {
        const from = redundantGeometry(sectors, spec.maxEntries).backupTable * SECTOR;
        after.copy(grown, from, from);
      }
      if (stage === 'primary' || stage === 'erased') after.copy(grown, 0, 0, BLOCK);
      if (stage === 'erased' && oldHeader !== endPlace(after)) grown.fill(0, oldHeader, oldHeader + SECTOR);
      subject.image = grown;
      return `to ${sectors} sectors, up to: ${stage}`;
    },
  },
  {
    name: 'foreign signature',
    apply({ image, random }) {
      const [name, at, bytes] = random.pick(SIGNATURES);
      const erased = random.chance(0.5);
      if (random.chance(0.25)) {
        image.write('EFI PART', image.length - SECTOR, 'latin1');
        if (erased) image.fill(0, endPlace(image), endPlace(image) + SECTOR);
        return `GPT in the last sector${erased ? ', header before it erased' : ''}`;
      }
      if (erased) image.fill(0, 0, BLOCK);
      bytes.copy(image, at);
      return `${name} at byte ${at}${erased ? ', header erased' : ''}`;
    },
  },
];
