/**
 * The assertions with one changed: `equal` of two byte arrays names the first byte that differs. The
 * library would print both in full, a line for each byte, and an image has millions of them.
 */
export function guardAssert<Assertions extends { readonly equal: Equal }>(raw: Assertions): Assertions {
  const equal: Equal = (actual, expected, message) => {
    if (!(actual instanceof Uint8Array) || !(expected instanceof Uint8Array)) {
      raw.equal(actual, expected, message);
      return;
    }
    const difference = firstDifference(actual, expected);
    if (difference === undefined) return;
    if (message instanceof Error) throw message;
    throw new Error(message === undefined ? difference : `${message}: ${difference}`);
  };
  return { ...raw, equal };
}

type Equal = (actual: unknown, expected: unknown, message?: string | Error) => void;

/** Where two byte arrays differ first, and how often; undefined when they do not. */
export function firstDifference(actual: Uint8Array, expected: Uint8Array): string | undefined {
  if (actual.length !== expected.length)
    return `${actual.length} bytes instead of the ${expected.length} expected`;
  if (Buffer.compare(actual, expected) === 0) return undefined;
  const places: number[] = [];
  for (let at = 0; at < actual.length; at++) if (actual[at] !== expected[at]) places.push(at);
  const first = places[0] ?? 0;
  const hex = (bytes: Uint8Array) => Buffer.from(bytes.subarray(first, first + 16)).toString('hex');
  return (
    `${places.length} of ${actual.length} bytes differ, the first at ${first} ` +
    `(sector ${Math.floor(first / 512)}, byte ${first % 512}): ${hex(actual)} instead of ${hex(expected)}`
  );
}
