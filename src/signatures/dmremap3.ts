import { ascii, end, type SignatureRow, start } from './signature.js';

/**
 * Our own headers (format.md sections 1 and 2), so that callers learn of them in the same pass. A magic says
 * nothing of validity; that is the store's business.
 */

/** The extension's field that says which copy this is: 0 primary, 1 backup. */
const COPY_FIELD = 148;

export const dmremapRows: readonly SignatureRow[] = [
  {
    id: 'dmremap3',
    name: 'DMREMAP3 metadata',
    ours: true,
    places: [start(0)],
    magicAt: 0,
    magics: [ascii('DMREMAP3')],
  },
  {
    id: 'dmremap3-backup',
    name: 'DMREMAP3 metadata (backup)',
    ours: true,
    places: [end(4096, 4096)],
    magicAt: 0,
    magics: [ascii('DMREMAP3')],
    needs: COPY_FIELD + 4,
    // The last block of a plain set is a data sector and may hold another set's first one.
    plausible: (header, { at }) => at > 0 && header.getUint32(COPY_FIELD, true) === 1,
  },
];
