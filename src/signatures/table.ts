import { bootSectorRows } from './boot-sector.js';
import { cacheRows } from './caches.js';
import { dmremapRows } from './dmremap3.js';
import { extRows } from './ext.js';
import { filesystemRows } from './filesystems.js';
import { gptRows } from './gpt.js';
import { mdRows } from './md.js';
import type { SignatureRow } from './signature.js';
import { swapRows } from './swap.js';
import { volumeRows } from './volumes.js';
import { zfsRows } from './zfs.js';

/** Everything that the probe knows. The order is that of finds with the same place. */
export const signatureTable: readonly SignatureRow[] = [
  ...dmremapRows,
  ...extRows,
  ...filesystemRows,
  ...bootSectorRows,
  ...gptRows,
  ...swapRows,
  ...volumeRows,
  ...mdRows,
  ...zfsRows,
  ...cacheRows,
];
