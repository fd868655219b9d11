import { powerOfX } from '../../format/crc-algebra.js';
import { product } from './product.js';

/**
 * A flipped bit of a message adds a power of x to its CRC-32, so the position is a discrete logarithm. The
 * order of x, 2^32 - 1, is the product of small primes: the logarithm is found modulo each of them and put
 * together (Pohlig, Hellman 1978), in the same short time for a message of any length.
 */

const ORDER = 2n ** 32n - 1n;

const PRIMES = [3, 5, 17, 257, 65_537] as const;

/** x^0, as a signed word. */
const ONE = 1 << 31;

/** The logarithm modulo each prime, times its weight, adds up to the logarithm. */
const SUBGROUPS = PRIMES.map((prime) => {
  const cofactor = ORDER / BigInt(prime);
  return { prime, cofactor: Number(cofactor), weight: cofactor * inverse(cofactor, BigInt(prime)) };
});

/** Steps of the smaller kind, for the largest prime: about its square root. */
const STRIDE = 257;

export type FlippedBit =
  | { readonly in: 'message' /** Of the message. */; readonly byte: number; readonly bit: number }
  | { readonly in: 'checksum' /** Of the 32-bit value. */; readonly bit: number };

/**
 * The one bit that, flipped back, makes syndrome zero; undefined where no bit of the message or the checksum does.
 *
 * @param syndrome stored checksum XOR computed one, not zero
 * @param length of the message, in bytes
 */
export function flippedBit(syndrome: number, length: number): FlippedBit | undefined {
  const exponent = logarithm(syndrome);
  // the checksum's own bits are the powers below 32, in reflected order
  if (exponent < 32) return { in: 'checksum', bit: 31 - exponent };
  const fromEnd = exponent - 32;
  const place = 8 * length - 1 - fromEnd;
  return place < 0 ? undefined : { in: 'message', byte: Math.floor(place / 8), bit: place % 8 };
}

/** What flipping this bit of a message adds to its CRC-32. */
export function weightOf(byte: number, bit: number, length: number): number {
  return powerOfX(32 + 8 * length - 1 - (8 * byte + bit));
}

/** The e from 0 to 2^32 - 2 with x^e = value, which is not zero. */
export function logarithm(value: number): number {
  const squares = squaresOf(value);
  let exponent = 0n;
  for (const { prime, cofactor, weight } of SUBGROUPS)
    exponent += BigInt(logarithmInSubgroup(power(squares, cofactor), cofactor, prime)) * weight;
  return Number(exponent % ORDER);
}

/** The value, its square, the square of that: 32 in all. */
function squaresOf(value: number): number[] {
  const squares = [value | 0];
  for (let last = value | 0; squares.length < 32; squares.push(last)) last = product(last, last);
  return squares;
}

function power(squares: readonly number[], exponent: number): number {
  return squares.reduce((result, square, bit) => {
    return Math.floor(exponent / 2 ** bit) % 2 === 1 ? product(result, square) : result;
  }, ONE);
}

/** The first powers of x^step, by value; kept, since they are the same every time. */
const firstPowers = new Map<number, ReadonlyMap<number, number>>();

function firstPowersOf(step: number, prime: number): ReadonlyMap<number, number> {
  const known = firstPowers.get(step);
  if (known !== undefined) return known;
  const powers = new Map<number, number>();
  const generator = powerOfX(step);
  let term = ONE;
  for (let j = 0; j < Math.min(prime, STRIDE); j++) {
    powers.set(term, j);
    term = product(term, generator);
  }
  firstPowers.set(step, powers);
  return powers;
}

/** The j below `prime` with (x^step)^j = value. */
function logarithmInSubgroup(value: number, step: number, prime: number): number {
  const small = firstPowersOf(step, prime);
  const back = powerOfX(-step * STRIDE);
  let rest = value;
  for (let stride = 0; stride <= prime / STRIDE; stride++) {
    const j = small.get(rest);
    if (j !== undefined) return stride * STRIDE + j;
    rest = product(rest, back);
  }
  throw new RangeError(`${value} is not a power of x`);
}

/** Of `value` modulo a prime, by Fermat. */
function inverse(value: bigint, prime: bigint): bigint {
  let result = 1n;
  let square = value % prime;
  for (let rest = prime - 2n; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % prime;
    square = (square * square) % prime;
  }
  return result;
}
