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
 * spare; neighbours that are neighbours on the spare too are one segment. One at a time: there may be millions.
 *
 * @param remaps ascending by main sector, each main sector once, all below `mainSize`
 */
export function* linearSegments(mainSize: number, remaps: Iterable<Remap>): Generator<Segment> {
  let run: Segment | undefined;
  let next = 0;
  for (const { main, spare } of remaps) {
    if (run !== undefined && main === next && spare === run.offset + run.length)
      run = { ...run, length: run.length + 1 };
    else {
      if (run !== undefined) yield run;
      if (main > next) yield { start: next, length: main - next, device: 'main', offset: next };
      run = { start: main, length: 1, device: 'spare', offset: spare };
    }
    next = main + 1;
  }
  if (run !== undefined) yield run;
  if (next < mainSize) yield { start: next, length: mainSize - next, device: 'main', offset: next };
}

/** The first segment that cuts a logical block of `sectorsInBlock` sectors in two; undefined if none does. */
export function splitBlock(segments: Iterable<Segment>, sectorsInBlock: number): Segment | undefined {
  for (const segment of segments) {
    const { start, length, offset } = segment;
    if ([start, length, offset].some((sectors) => sectors % sectorsInBlock !== 0)) return segment;
  }
  return undefined;
}

/** One line a segment, as `dmsetup create` reads it. */
export function* linearLines(
  segments: Iterable<Segment>,
  devices: { readonly main: string; readonly spare: string },
): Generator<string> {
  for (const { start, length, device, offset } of segments)
    yield `${start} ${length} linear ${devices[device]} ${offset}`;
}

/**
 * The line that makes the dm-remap module remap the same sectors to the same places (format.md section 7),
 * once it was sent `remapMessages`. The module hands out spare sectors in a row from the first: `undefined`
 * where the remaps leave a gap.
 *
 * @param remaps ascending by spare sector
 * @param dataStart where an empty set begins to hand out sectors
 * @param dataEnd first sector behind those that it may hand out
 */
export function remapLine(
  mainSize: number,
  remaps: Iterable<Remap>,
  dataStart: number,
  dataEnd: number,
  devices: { readonly main: string; readonly spare: string },
): string | undefined {
  let first: number | undefined;
  let next = dataStart;
  for (const { spare } of remaps) {
    first ??= next = spare;
    if (spare !== next) return undefined;
    next++;
  }
  first ??= dataStart;
  return `0 ${mainSize} remap ${devices.main} ${devices.spare} ${first} ${dataEnd - first}`;
}

/** The messages that load the remaps, in order: each `remap` takes the next sector of the spare. */
export function* remapMessages(remaps: Iterable<Remap>): Generator<string> {
  yield 'clear';
  for (const { main } of remaps) yield `remap ${main}`;
}
