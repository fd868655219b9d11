import { DmremapError } from '../errors.js';
import type { SectorRange } from '../exchange/quantities.js';

/** @throws DmremapError `usage` where main has no such sector, with the line of a list that names it */
export function refuseBeyond(
  ranges: readonly (SectorRange & { readonly line?: number })[],
  mainSize: bigint,
): void {
  const beyond = ranges.find(({ first, count }) => BigInt(first) + BigInt(count) > mainSize);
  if (beyond === undefined) return;
  const last = BigInt(beyond.first) + BigInt(beyond.count) - 1n;
  const where = beyond.line === undefined ? '' : `line ${beyond.line}: `;
  throw new DmremapError(
    'usage',
    `${where}sector ${last} is beyond the end of main, whose last is ${mainSize - 1n}`,
    {
      hint: 'sectors are counted in 512 bytes, also on 4Kn disks',
      data: {
        sector: last,
        main_sectors: mainSize,
        ...(beyond.line === undefined ? {} : { line: beyond.line }),
      },
    },
  );
}
