import { DeviceError } from '../errors.js';
import type { Bytes } from '../units.js';
import { allEnded } from './all-ended.js';
import type { BlockDevice } from './block-device.js';

/** Bytes of a request that lie in one piece on a device. */
export interface Part {
  /** Where they begin on the device. */
  readonly at: Bytes;
  /** Where they begin in the request's memory. */
  readonly from: number;
  readonly length: number;
}

export interface PartFailure<Of extends Part> {
  readonly part: Of;
  readonly error: DeviceError;
}

/** What a device may offer beyond BlockDevice: the parts of a request as one, which costs less than each for itself. */
export interface MovesParts {
  /** Fills the parts of `into`; resolves to what failed, once all have come to their end. */
  readParts<Of extends Part>(parts: readonly Of[], into: Uint8Array): Promise<readonly PartFailure<Of>[]>;
  /** The same for writing them. */
  writeParts<Of extends Part>(parts: readonly Of[], from: Uint8Array): Promise<readonly PartFailure<Of>[]>;
}

/** Reads as MovesParts says, from any device. */
export function readParts<Of extends Part>(
  device: BlockDevice,
  parts: readonly Of[],
  into: Uint8Array,
): Promise<readonly PartFailure<Of>[]> {
  if (movesParts(device)) return device.readParts(parts, into);
  return eachPart(parts, ({ at, from, length }) => device.read(at, into.subarray(from, from + length)));
}

/** Writes as MovesParts says, to any device. */
export function writeParts<Of extends Part>(
  device: BlockDevice,
  parts: readonly Of[],
  from: Uint8Array,
): Promise<readonly PartFailure<Of>[]> {
  if (movesParts(device)) return device.writeParts(parts, from);
  return eachPart(parts, (part) => device.write(part.at, from.subarray(part.from, part.from + part.length)));
}

function movesParts(device: BlockDevice): device is BlockDevice & MovesParts {
  return 'readParts' in device;
}

/** Does this for each of them, all at a time; resolves to those that have failed, once all have come to their end. */
export async function eachPart<Of extends Part>(
  parts: readonly Of[],
  move: (part: Of, index: number) => Promise<void> | undefined,
): Promise<readonly PartFailure<Of>[]> {
  const failures: PartFailure<Of>[] = [];
  const moved = async (part: Of, index: number): Promise<void> => {
    try {
      await move(part, index);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      failures.push({ part, error });
    }
  };
  await allEnded(parts.map(moved));
  return failures;
}
