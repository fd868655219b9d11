import { ascii, hex, type SignatureRow, start } from './signature.js';

/** Swap space carries its magic in the last ten bytes of the first page; the page depends on the machine. */

const PAGES = [4096, 8192, 16384, 32768, 65536];
const MAGIC_LENGTH = 10;

const places = PAGES.map((page) => start(page - MAGIC_LENGTH));

export const swapRows: readonly SignatureRow[] = [
  {
    id: 'swap',
    name: 'swap space',
    places,
    magicAt: 0,
    magics: [ascii('SWAPSPACE2'), ascii('SWAP-SPACE')],
  },
  {
    id: 'hibernation',
    name: 'swap space holding a hibernated system',
    places,
    magicAt: 0,
    // The tenth byte is left out: only some of the writers end the text with a zero.
    magics: [ascii('S1SUSPEND'), ascii('S2SUSPEND'), ascii('ULSUSPEND'), ascii('LINHIB000')],
  },
  {
    id: 'hibernation-tuxonice',
    name: 'swap space holding a hibernated system',
    places,
    magicAt: 0,
    magics: [hex('ed c3 02 e9 98 56 e5 0c')],
  },
];
