/** Tables of the kernel's device-mapper, as text: pure. All numbers are sectors of 512 bytes. */

/** A run of sectors of the mapped device that lies in one piece on one device. */
export interface Segment {
  readonly start: number;
  readonly length: number;
  readonly device: 'main' | 'spare';
  /** First sector on that device. */
  readonly offset: number;
}

export interface Remap {
  readonly main: number;
  readonly spare: number;
}

/**
 * The segments that make the remapped device: main from end to end, with each remapped sector taken from the
 * spare; neighbours that are neighbours on the spare too are one segment.
 *
 * @param remaps ascending by main sector, each main sector once, all below `mainSize`
 */
export function linearSegments(mainSize: number, remaps: Iterable<Remap>): Segment[] {
  const segments: Segment[] = [];
  let next = 0;
  for (const { main, spare } of remaps) {
    if (main > next) segments.push({ start: next, length: main - next, device: 'main', offset: next });
    const last = segments.at(-1);
    if (last?.device === 'spare' && last.start + last.length === main && last.offset + last.length === spare)
      segments[segments.length - 1] = { ...last, length: last.length + 1 };
    else segments.push({ start: main, length: 1, device: 'spare', offset: spare });
    next = main + 1;
  }
  if (next < mainSize) segments.push({ start: next, length: mainSize - next, device: 'main', offset: next });
  return segments;
}

/** The first segment that cuts a logical block of `sectorsInBlock` sectors in two; undefined if none does. */
export function splitBlock(segments: readonly Segment[], sectorsInBlock: number): Segment | undefined {
  return segments.find(
    ({ start, length, offset }) =>
      start % sectorsInBlock !== 0 || length % sectorsInBlock !== 0 || offset % sectorsInBlock !== 0,
  );
}

/** One line a segment, as `dmsetup create` reads it. */
export function* linearLines(
  segments: Iterable<Segment>,
  devices: { readonly main: string; readonly spare: string },
): Generator<string> {
  for (const { start, length, device, offset } of segments)
    yield `${start} ${length} linear ${devices[device]} ${offset}`;
}

export interface RemapLine {
  /** The line for the dm-remap module (format.md section 7). */
  readonly line: string;
  /** The messages that load the remaps, in order: each `remap` takes the next sector of the spare. */
  readonly messages: readonly string[];
}

/**
 * The line and messages that make the dm-remap module remap the same sectors to the same places. The module
 * hands out spare sectors in a row from the first: `undefined` where the remaps leave a gap.
 *
 * @param remaps ascending by spare sector
 * @param dataStart where an empty set begins to hand out sectors
 * @param dataEnd first sector behind those that it may hand out
 */
export function remapLine(
  mainSize: number,
  remaps: readonly Remap[],
  dataStart: number,
  dataEnd: number,
  devices: { readonly main: string; readonly spare: string },
): RemapLine | undefined {
  const first = remaps[0]?.spare ?? dataStart;
  if (remaps.some(({ spare }, index) => spare !== first + index)) return undefined;
  return {
    line: `0 ${mainSize} remap ${devices.main} ${devices.spare} ${first} ${dataEnd - first}`,
    messages: ['clear', ...remaps.map(({ main }) => `remap ${main}`)],
  };
}
