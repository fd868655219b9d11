/** Reads device-mapper tables as text, by what dm-linear does with them and by nothing of src. */

export interface Place {
  readonly device: string;
  readonly sector: number;
}

export interface Line {
  readonly start: number;
  readonly length: number;
  readonly device: string;
  readonly offset: number;
}

/** Every line of a linear table; throws where one is none, or where the lines leave a gap or overlap. */
export function readTable(text: string): Line[] {
  let next = 0;
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((text) => {
      const [, start, length, device, offset] = /^(\d+) (\d+) linear (\S+) (\d+)$/.exec(text) ?? [];
      if (device === undefined) throw new Error(`not a line of a linear table: ${text}`);
      const line = { start: Number(start), length: Number(length), device, offset: Number(offset) };
      if (line.start !== next || line.length < 1) throw new Error(`expected a line from ${next} on: ${text}`);
      next = line.start + line.length;
      return line;
    });
}

/** Where a sector of the mapped device lies. */
export function placeOf(lines: readonly Line[], sector: number): Place {
  const line = lines.find(({ start, length }) => sector >= start && sector < start + length);
  if (line === undefined) throw new Error(`no line for sector ${sector}`);
  return { device: line.device, sector: line.offset + sector - line.start };
}

/** The first two neighbours that could have been one line. */
export function mergeable(lines: readonly Line[]): readonly [Line, Line] | undefined {
  for (const [index, line] of lines.entries()) {
    const before = lines[index - 1];
    if (before?.device === line.device && before.offset + before.length === line.offset)
      return [before, line];
  }
  return undefined;
}
