/** From here on a number of contents is given as a power of two. */
const NAMED_IN_FULL = 10n ** 9n;

/** How many contents, for people: 131072, or about 2^40 where nobody would count the digits. */
export function sayAmount(contents: bigint): string {
  return contents < NAMED_IN_FULL ? String(contents) : `about 2^${contents.toString(2).length - 1}`;
}
