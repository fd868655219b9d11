/** What the system's names of failures say of a device. */

/** The device is gone: asking for the rest, piece by piece, would only take time. */
const GONE: readonly string[] = ['ENODEV', 'ENXIO', 'ENOMEDIUM', 'EBADF', 'ESHUTDOWN', 'ENOTCONN'];

/** The medium is at fault at this place, and another place may be well. */
const MEDIUM: readonly string[] = [
  'EIO',
  'EREMOTEIO',
  'ENODATA',
  'EILSEQ',
  'ETIMEDOUT',
  'EUCLEAN',
  'EBADMSG',
];

export function isGone(errno: string): boolean {
  return GONE.includes(errno);
}

export function isMediumError(errno: string): boolean {
  return MEDIUM.includes(errno);
}
