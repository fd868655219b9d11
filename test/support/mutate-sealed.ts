import {
  type Copy,
  endPlace,
  headerAt,
  patch,
  patchEntry,
  patchSealed,
  placesOf,
  seal,
} from './build-image.js';
import {
  EMPTY_SLOT,
  FIELD_NAMES,
  FIELDS,
  type FieldName,
  type FieldValue,
  HEADER_LENGTH,
  redundantGeometry,
  SECTOR,
  u32,
} from './format-numbers.js';
import type { Subject } from './mutate.js';
import type { Kind } from './mutate-kinds.js';

/** Damage to fields and entries, mostly under a checksum made right again: lies that only rules can tell. */

function someCopy({ spec, random }: Subject): Copy {
  if (spec.layout !== 'redundant') return 'primary';
  return random.pick(['primary', 'backup', 'both', 'both'] as const);
}

/** Values at the edges of what a field may hold, and near what it holds. */
function interesting(subject: Subject, field: FieldName): FieldValue {
  const { image, spec, random } = subject;
  const [at, length, kind] = FIELDS[field];
  if (kind === 'bytes') {
    const own = Buffer.from(image.subarray(at, at + length));
    const odd = random.below(length);
    own[odd] = (own[odd] ?? 0) ^ (1 << random.below(8));
    return random.pick([own, own, Buffer.alloc(0), random.bytes(length)]);
  }
  const header = headerAt(image, 0);
  const now = kind === 'u32' ? BigInt(header.readUInt32LE(at)) : header.readBigUInt64LE(at);
  const top = kind === 'u32' ? 0xffff_ffffn : 2n ** 64n - 1n;
  const near = [now + 1n, now - 1n, now + 2n, now + 8n, now - 8n];
  const edges = [0n, 1n, 2n, 3n, 4n, 252n, BigInt(spec.sectors), BigInt(spec.maxEntries), top, top / 2n];
  const choice = random.chance(0.5) ? near : edges;
  return random.pick(choice.map((value) => ((value % (top + 1n)) + top + 1n) % (top + 1n)));
}

function show(value: FieldValue): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex').slice(0, 40) : String(value);
}

/** Copies the first sector's worth of field changes that a later commit would make, and one entry more or less. */
function recommit(subject: Subject, place: number, generation: number): string {
  const { image, spec, random } = subject;
  const count = spec.entries.length;
  const header = headerAt(image, place);
  header.writeUInt32LE(generation, FIELDS.generation[0]);
  if (count > 0 && random.chance(0.7)) header.writeUInt32LE(count - 1, FIELDS.entry_count[0]);
  seal(image, place);
  return `generation ${generation} and ${u32(header, 'entry_count')} entries at byte ${place}`;
}

export const SEALED: readonly Kind[] = [
  {
    name: 'field',
    apply(subject) {
      const field = subject.random.pick(FIELD_NAMES);
      const value = interesting(subject, field);
      const copy = someCopy(subject);
      patch(subject.image, copy, field, value);
      return `${field} = ${show(value)} in ${copy}`;
    },
  },
  {
    name: 'field, sealed',
    apply(subject) {
      const field = subject.random.pick(FIELD_NAMES.filter((name) => name !== 'checksum'));
      const value = interesting(subject, field);
      const copy = someCopy(subject);
      patchSealed(subject.image, copy, field, value);
      return `${field} = ${show(value)} in ${copy}`;
    },
  },
  {
    name: 'telling field, sealed',
    apply(subject) {
      const [field, values] = subject.random.pick<readonly [FieldName, readonly number[]]>([
        ['state', [0, 1, 2, 3, 4]],
        ['role', [0, 1, 2, 3]],
        ['version', [0, 1, 2]],
        ['incompat_flags', [1, 2]],
        ['ro_compat_flags', [0, 1, 2, 3, 5]],
        ['compat_flags', [1]],
        ['generation', [0, 1, 2, 0xffff_ffff]],
        ['copy', [0, 1, 2]],
      ]);
      const value = subject.random.pick(values);
      const copy = someCopy(subject);
      patchSealed(subject.image, copy, field, value);
      return `${field} = ${value} in ${copy}`;
    },
  },
  {
    name: 'entry, sealed',
    apply(subject) {
      const { image, spec, random } = subject;
      if (spec.entries.length === 0) return 'there is none';
      const geometry = redundantGeometry(spec.sectors, spec.maxEntries);
      const slot = random.below(spec.entries.length);
      const [main, spare] = spec.entries[slot] ?? [0, 0];
      const [otherMain, otherSpare] = random.pick(spec.entries);
      const edge = random.pick([0, geometry.dataStart, geometry.backupTable, spec.sectors, 2 ** 40]);
      const entry = random.pick([
        [EMPTY_SLOT, spare],
        [EMPTY_SLOT, 0],
        [otherMain, spare],
        [main, otherSpare],
        [random.pick([0, spec.mainSectors - 1, spec.mainSectors, 2 ** 52]), spare],
        [main, random.pick([edge, Math.max(0, edge - 1), EMPTY_SLOT])],
      ] as const);
      const copy = someCopy(subject);
      patchEntry(image, copy, slot, entry);
      seal(image, copy);
      return `slot ${slot} = ${entry.join(' → ')} in ${copy}`;
    },
  },
  {
    name: 'another generation',
    layouts: ['redundant'],
    apply(subject) {
      const { image, spec, random } = subject;
      const distance = random.pick([1, 1, 1, 2, 3, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe]);
      const generation = ((spec.generation - 1 + distance) % 0xffff_ffff) + 1;
      const place = random.pick([0, endPlace(image)]);
      const said = recommit(subject, place, generation);
      if (!random.chance(0.3)) return said;
      const junk = place + random.below(HEADER_LENGTH);
      image[junk] = (image[junk] ?? 0) ^ 1;
      return `${said}, then bit 0 of byte ${junk}`;
    },
  },
  {
    name: 'backup left over',
    layouts: ['plain', 'plain-ext'],
    apply({ image, spec, random }) {
      const place = endPlace(image);
      const geometry = redundantGeometry(spec.sectors, spec.maxEntries);
      if (geometry.backupTable < geometry.dataStart) return 'there is no room for one';
      headerAt(image, 0).copy(image, place);
      image.subarray(HEADER_LENGTH, geometry.dataStart * SECTOR).copy(image, geometry.backupTable * SECTOR);
      patch(image, place, 'copy', 1);
      patch(image, place, 'generation', spec.generation === 0xffff_ffff ? 1 : spec.generation + 1);
      if (random.chance(0.5)) {
        patch(image, place, 'ext_magic', 'DMR3EXT1');
        patch(image, place, 'ro_compat_flags', 1);
        patch(image, place, 'backup_header', geometry.backupHeader);
      }
      const other = random.pick(['creation_time', 'main_device_size', undefined, undefined] as const);
      if (other !== undefined) patch(image, place, other, 12345);
      for (const at of placesOf(image, place)) seal(image, at);
      return `at byte ${place}${other === undefined ? '' : `, of another ${other}`}`;
    },
  },
];
