import { POLYNOMIAL } from '../../format/crc-algebra.js';

/**
 * The product of two polynomials modulo the generator: multiply of crc-algebra without branches, which the
 * processor would guess wrong half of the time. For loops that multiply for every entry.
 */
export function product(a: number, b: number): number {
  let sum = 0;
  let shifted = b;
  for (let bit = 31; bit >= 0; bit--) {
    sum ^= shifted & -((a >>> bit) & 1);
    shifted = (shifted >>> 1) ^ (POLYNOMIAL & -(shifted & 1));
  }
  return sum | 0;
}
