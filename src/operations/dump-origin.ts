import type { FileDevice } from '../device/file-device.js';
import { identify } from '../device/identity.js';
import { DmremapError } from '../errors.js';
import type { DumpDocument } from '../exchange/dump-document.js';
import { decodeHeader, ZERO_UUID } from '../format/header.js';

/**
 * Whether anything tells that a dump was taken from this very device: a size alone does not.
 *
 * @param spareUuid of the spare today, where a header that is trusted says it
 * @throws DmremapError `wrong-device` where something tells that it was taken from another one
 */
export async function isFromHere(
  device: FileDevice,
  dump: DumpDocument,
  spareUuid: string | undefined,
): Promise<boolean> {
  const { serial } = await identify(device);
  const comparisons: [what: string, dumped: string | undefined, found: string | undefined][] = [
    ['size', String(dump.device.size), String(device.size)],
    ['spare_uuid', known(decodeHeader(dump.block).spare_uuid), known(spareUuid)],
    ['serial', dump.device.serial, serial],
  ];
  for (const [what, dumped, found] of comparisons)
    if (dumped !== undefined && found !== undefined && dumped !== found)
      throw new DmremapError(
        'wrong-device',
        `the dump was taken from another device: its ${what} is ${dumped}, here it is ${found}`,
        { data: { field: what, dumped, found } },
      );
  return comparisons.some(
    ([what, dumped, found]) => what !== 'size' && dumped !== undefined && found !== undefined,
  );
}

function known(uuid: string | undefined): string | undefined {
  return uuid === ZERO_UUID ? undefined : uuid;
}
