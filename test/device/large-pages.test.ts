import { isAligned } from '../../src/device/aligned.js';
import { bufferInLargePages } from '../../src/device/large-pages.js';
import { nativeLibrary } from '../../src/device/syscalls.js';
import { assert, suite } from '../support/harness.js';

const test = suite('large pages');

test('a buffer begins where a large page can, and is as long as it was asked for', () => {
  for (const length of [1 << 20, 3 << 20]) {
    const buffer = bufferInLargePages(length);
    assert.is(buffer.length, length);
    assert.ok(isAligned(buffer, 4096));
    const library = nativeLibrary();
    if (library !== undefined) assert.is(library.addressOf(buffer) % BigInt(2 << 20), 0n);
    buffer.fill(7);
    assert.ok(buffer.every((byte) => byte === 7));
  }
});
