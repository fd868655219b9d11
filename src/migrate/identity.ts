import { plainGeometry } from '../format/geometry.js';
import { EXT_MAGIC, type Header, hasExtension } from '../format/header.js';
import { sectors } from '../units.js';

/** Identities for a source that has none. */
export interface SourceIdentity {
  readonly setUuid: string;
  readonly spareUuid: string;
  /** Of main, where it is known. */
  readonly mainId: string;
}

/** The fields that give a plain source an extension without a second copy; none where it has one. */
export function extensionFor(
  header: Header,
  { setUuid, spareUuid, mainId }: SourceIdentity,
): Partial<Header> {
  if (hasExtension(header)) return {};
  const geometry = plainGeometry(sectors(Number(header.spare_device_size)), header.max_entries);
  return {
    ext_magic: EXT_MAGIC,
    set_uuid: setUuid,
    spare_uuid: spareUuid,
    main_id: mainId,
    data_start: BigInt(geometry.data_start),
    data_sectors: BigInt(geometry.data_sectors),
  };
}
