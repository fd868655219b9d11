import { ascii, end, type SignatureRow, start } from './signature.js';

/**
 * GPT keeps a header in the second sector and its copy in the last, and a sector has 512 or 4096 bytes: what
 * was partitioned on a 4Kn disk may be looked at through 512-byte sectors, so that both are tried everywhere.
 */

/** Every header so far is of revision 1.0 and from 92 bytes to one sector long. */
function headerPlausible(header: DataView): boolean {
  const length = header.getUint32(12, true);
  return header.getUint32(8, true) === 0x0001_0000 && length >= 92 && length <= 4096;
}

const header = { magicAt: 0, magics: [ascii('EFI PART')], needs: 32, plausible: headerPlausible } as const;

export const gptRows: readonly SignatureRow[] = [
  { id: 'gpt', name: 'GPT partition table', places: [start(512), start(4096)], ...header },
  {
    id: 'gpt-backup',
    name: 'GPT partition table (backup)',
    places: [end(512, 512), end(4096, 4096)],
    ...header,
  },
];
