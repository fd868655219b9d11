/**
 * CRC-32 as algebra over GF(2): a register is a polynomial of degree below 32, bit 31 its constant term
 * (reflected order), and appending a zero byte multiplies it by x^8 modulo the generator.
 */

/** The generator polynomial, reflected (format.md section 3). */
export const POLYNOMIAL = 0xedb88320;

/** The polynomial 1. */
export const ONE = 0x80000000;

/** The product of two polynomials modulo the generator. */
export function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}

/** The order of x: the generator is primitive. */
const ORDER = 2 ** 32 - 1;

/** x to the power of `bits` modulo the generator; negative powers are inverses. */
export function powerOfX(bits: number): number {
  let power = ONE;
  let square = ONE >>> 1;
  for (let rest = ((bits % ORDER) + ORDER) % ORDER; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(power, square);
    square = multiply(square, square);
  }
  return power >>> 0;
}

/** The element that gives 1 when multiplied with this one, which is not 0. */
export function inverse(element: number): number {
  // the order of the multiplicative group divides every exponent: a^(2^32 - 2) is a^-1
  let power = ONE;
  let square = element;
  for (let bit = 1; bit < 32; bit++) {
    square = multiply(square, square);
    power = multiply(power, square);
  }
  return power >>> 0;
}

/** What the CRC-32 of a message contributes to the CRC-32 of the message with `count` bytes after it. */
export function shiftCrc(crc: number, count: number): number {
  return count === 0 ? crc >>> 0 : multiply(crc, powerOfX(8 * count));
}
