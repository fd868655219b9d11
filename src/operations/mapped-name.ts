import { type Header, hasExtension } from '../format/header.js';

/** What the remapped device of a set is called where device-mapper or a boot file has to give it a name. */
export function mappedName(header: Header): string {
  return hasExtension(header) ? `dmremap-${header.set_uuid.slice(0, 8)}` : 'dmremap';
}
