const ROW = 16;

/**
 * Canonical hex dump, as `hexdump -C` prints it: offset, 16 bytes, their ASCII; a run of equal rows is
 * shown once with a `*` after it; the last line is the offset of the end.
 */
export function* hexdump(data: Uint8Array, offset: bigint | number = 0): Generator<string> {
  const start = BigInt(offset);
  let previous: Uint8Array | undefined;
  let isSqueezing = false;
  for (let at = 0; at < data.length; at += ROW) {
    const row = data.subarray(at, at + ROW);
    if (previous !== undefined && isSame(previous, row)) {
      if (!isSqueezing) {
        yield '*';
      }
      isSqueezing = true;
      continue;
    }
    isSqueezing = false;
    previous = row;
    yield `${place(start + BigInt(at))}  ${hex(row)}  |${ascii(row)}|`;
  }
  if (data.length > 0) {
    yield place(start + BigInt(data.length));
  }
}

function place(offset: bigint): string {
  return offset.toString(16).padStart(8, '0');
}

/** Two groups of eight; a short last row is padded so that the ASCII column stays in place. */
function hex(row: Uint8Array): string {
  let text = '';
  for (let index = 0; index < ROW; index++) {
    const byte = row[index];
    text += `${index === ROW / 2 ? '  ' : index === 0 ? '' : ' '}${
      byte === undefined ? '  ' : byte.toString(16).padStart(2, '0')
    }`;
  }
  return text;
}

function ascii(row: Uint8Array): string {
  return Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
