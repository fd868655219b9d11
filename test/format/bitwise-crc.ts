/** CRC-32 as format.md section 3 says it, one bit at a time: nothing to be clever about, nothing shared. */
export function bitwiseCrc(...parts: readonly Uint8Array[]): number {
  let register = 0xffff_ffff;
  for (const part of parts) {
    for (const byte of part) {
      for (let bit = 0; bit < 8; bit++) {
        const carry = (register ^ (byte >>> bit)) & 1;
        register = (register >>> 1) ^ (carry === 1 ? 0xedb8_8320 : 0);
      }
    }
  }
  return ~register >>> 0;
}

/** Four bytes after which the CRC-32 of everything so far is `wanted`: one bit decided at a time, by elimination. */
export function bytesThatGive(wanted: number, before: Uint8Array): Uint8Array {
  const withTail = (tail: number) => bitwiseCrc(before, le32(tail));
  const base = withTail(0);
  // what each bit of the tail changes, kept in echelon form: [effect, bits that have this effect]
  const pivots = new Map<number, readonly [effect: number, bits: number]>();
  const reduce = (effect: number, bits: number): readonly [number, number] => {
    let [left, used] = [effect, bits];
    for (let bit = 31; bit >= 0; bit--) {
      const pivot = pivots.get(bit);
      if (((left >>> bit) & 1) === 1 && pivot !== undefined)
        [left, used] = [left ^ pivot[0], used ^ pivot[1]];
    }
    return [left, used];
  };
  for (let bit = 0; bit < 32; bit++) {
    const [effect, bits] = reduce(withTail((1 << bit) >>> 0) ^ base, 1 << bit);
    if (effect !== 0) pivots.set(31 - Math.clz32(effect), [effect, bits]);
  }
  const [rest, tail] = reduce(wanted ^ base, 0);
  if (rest !== 0) throw new Error('no four bytes give this CRC');
  return le32(tail >>> 0);
}

function le32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
