import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import {
  displayWidth,
  formatSectors,
  formatSize,
  formatTime,
  hex32,
  humanSize,
  plural,
  quoteForShell,
  shellCommand,
  showUnprintable,
  toAscii,
  wrap,
} from '../../../src/cli/render/text.js';
import { assert, needs, suite } from '../../support/harness.js';

const test = suite('render/text');

test('times are UTC in ISO 8601', () => {
  assert.is(formatTime(0), '1970-01-01T00:00:00Z');
  assert.is(formatTime(1696195200n), '2023-10-01T21:20:00Z');
  assert.is(formatTime(-1n), '1969-12-31T23:59:59Z');
  assert.is(formatTime(8_640_000_000_000n), '+275760-09-13T00:00:00Z');
});

test('no integer makes a time throw', () => {
  fc.assert(
    fc.property(fc.bigInt(-(2n ** 64n), 2n ** 64n), (seconds) => {
      assert.ok(formatTime(seconds).length > 0);
    }),
  );
  assert.is(formatTime(2n ** 64n - 1n), '18446744073709551615 s after 1970 (beyond the calendar)');
});

test('sizes: exact bytes and a human unit that is never too large', () => {
  assert.is(formatSize(0), '0 bytes');
  assert.is(formatSize(1), '1 byte');
  assert.is(formatSize(1023), '1023 bytes');
  assert.is(formatSize(1024), '1024 bytes (1 KiB)');
  assert.is(formatSize(1_610_612_736), '1610612736 bytes (1.5 GiB)');
  assert.is(humanSize(2 ** 20 - 1), '1023.9 KiB');
  assert.is(humanSize(2n ** 64n - 1n), '15.9 EiB');
  assert.is(humanSize(2n ** 80n), '1048576 EiB');
  assert.is(formatSectors(2048), '2048 sectors (1 MiB)');
  assert.is(formatSectors(1n), '1 sector (512 bytes)');
});

test('plurals and 32-bit values', () => {
  assert.is(plural(1, 'copy', 'copies'), '1 copy');
  assert.is(plural(0n, 'copy', 'copies'), '0 copies');
  assert.is(hex32(0xdeadbeef), '0xdeadbeef');
  assert.is(hex32(-1), '0xffffffff');
  assert.is(hex32(7), '0x00000007');
});

test('wrapping keeps to the width, keeps all words, and indents', () => {
  const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { maxLength: 40 });
  fc.assert(
    fc.property(words, fc.integer({ min: 20, max: 100 }), (list, width) => {
      const text = wrap(list.join(' '), width, { indent: '    ' });
      assert.ok(text.split('\n').every((line) => line.length <= width));
      assert.equal(text.split(/\s+/).filter(Boolean), list);
      assert.ok(
        text
          .split('\n')
          .slice(1)
          .every((line) => line.startsWith('    ') && line[4] !== ' '),
      );
    }),
  );
});

test('a word that is too long sticks out, or is cut where that is wanted', () => {
  const line = 'try /dev/disk/by-id/ata-WDC_WD40EFRX now';
  assert.is(wrap(line, 20), 'try\n/dev/disk/by-id/ata-WDC_WD40EFRX\nnow');
  assert.is(wrap(line, 20, { breakWords: true }), 'try\n/dev/disk/by-id/ata-\nWDC_WD40EFRX now');
});

test('newlines and the indent of a line stay', () => {
  assert.is(wrap('a\n\n  b c', 80), 'a\n\n  b c');
  assert.is(wrap('', 10), '');
});

test('columns on the screen', () => {
  assert.is(displayWidth('abc'), 3);
  assert.is(displayWidth('é'), 1);
  assert.is(displayWidth('e\u0301'), 1);
  assert.is(displayWidth('磁盘'), 4);
});

test('ASCII replaces what it can and shows that something is missing', () => {
  assert.is(toAscii('a – b → c … “d” é 磁'), 'a - b -> c ... "d" ? ?');
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.match(toAscii(text), /^\p{ASCII}*$/u);
    }),
  );
});

test('what could drive the terminal is shown as its number, newlines stay', () => {
  assert.is(
    showUnprintable('a\u202eb\u200d\ud800\u{1f4a9}é磁©'),
    'a\\u{202e}b\\u{200d}\\u{d800}\\u{1f4a9}é磁©',
  );
  assert.is(showUnprintable('a\u001b[2J\nb\u009b\t'), 'a\\x1b[2J\nb\\x9b\\x09');
});

test('what is quoted for the shell comes back from it', () => {
  needs('/dev/null', 'sh');
  assert.is(quoteForShell('/dev/disk/by-id/x-part1'), '/dev/disk/by-id/x-part1');
  assert.is(quoteForShell(''), "''");
  assert.is(shellCommand(['a b', "it's"]), "'a b' 'it'\\''s'");
  fc.assert(
    fc.property(
      fc.array(
        fc.string().filter((word) => !word.includes('\0')),
        { maxLength: 5 },
      ),
      (words) => {
        const script = `printf '%s\\0' ${shellCommand(words)}`;
        const back = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
        assert.is(back, words.length === 0 ? '\0' : words.map((word) => `${word}\0`).join(''));
      },
    ),
    { numRuns: 30 },
  );
});
