import fc from 'fast-check';
import { readKernelLog } from '../../src/exchange/kernel-log.js';
import { assert, suite } from '../support/harness.js';
import { refusedLine, sectorsOf } from './refusal.js';

const test = suite('kernel log');

const PREFIXES = [
  '',
  '[145729.843023] ',
  '[Thu Feb 27 03:11:02 2025] ',
  'Feb 27 03:11:02 storage01 kernel: ',
  'Feb 27 03:11:02 storage01 kernel: [145729.843023] ',
  '2025-02-27T03:11:02.123456+01:00 storage01 kernel: ',
  '<3>[ 12.5] ',
  'kern  :err   : [   12.345678] ',
  'message repeated 2 times: [ ',
];

/** As the kernel's sources print them, oldest first. */
const FORMS: readonly ((dev: string, sector: number) => string)[] = [
  (dev, sector) => `end_request: I/O error, dev ${dev}, sector ${sector}`,
  (dev, sector) => `blk_update_request: I/O error, dev ${dev}, sector ${sector}`,
  (dev, sector) => `blk_update_request: critical medium error, dev ${dev}, sector ${sector}`,
  (dev, sector) => `print_req_error: I/O error, dev ${dev}, sector ${sector}`,
  (dev, sector) => `print_req_error: critical medium error, dev ${dev}, sector ${sector} flags 0`,
  (dev, sector) =>
    `blk_update_request: I/O error, dev ${dev}, sector ${sector} op 0x0:(READ) flags 0x80700 phys_seg 1 prio class 0`,
  (dev, sector) =>
    `critical medium error, dev ${dev}, sector ${sector} op 0x1:(WRITE) flags 0x9800 phys_seg 12 prio class 2`,
  (dev, sector) => `I/O error, dev ${dev}, sector ${sector} op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2`,
];

const NOISE = [
  'sd 0:0:1:0: [sda] tag#12 Sense Key : Medium Error [current]',
  'sd 0:0:1:0: [sda] tag#12 CDB: Read(10) 28 00 00 1d cf a0 00 00 08 00',
  'ata1.00: error: { UNC }',
  'EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm ls: reading directory lblock 0',
  'XFS (sda1): log I/O error -5',
  'usb 1-1: new high-speed USB device number 4',
  '',
];

test('failed requests of the disk in every form, behind every prefix', () => {
  const line = fc.oneof(
    fc.record({
      form: fc.constantFrom(...FORMS),
      dev: fc.constantFrom('sda', 'sdb', 'sda1', 'sdaa', 'nvme0n1'),
      sector: fc.integer({ min: 0, max: 2 ** 42 }),
    }),
    fc.constantFrom(...NOISE),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...PREFIXES), line)), (rows) => {
      const text = rows.map(([prefix, row]) => {
        const message = typeof row === 'string' ? row : row.form(row.dev, row.sector);
        return `${prefix}${message}${prefix.endsWith('[ ') ? ' ]' : ''}\n`;
      });
      const read = readKernelLog(text.join(''), 'sda');
      const wanted = rows.flatMap(([, row]) =>
        typeof row === 'string' || row.dev !== 'sda' ? [] : [row.sector],
      );
      assert.equal(sectorsOf(read), wanted);
      assert.is(read.leftOut.size, 0);
    }),
  );
});

test('what is not of the medium, or tells no sector, is left out and counted', () => {
  const text = [
    'blk_update_request: critical target error, dev sda, sector 8 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0',
    'timeout error, dev sda, sector 16 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2',
    'blk_update_request: recoverable transport error, dev sda, sector 24',
    'blk_update_request: I/O error, dev sda, sector 32 op 0x3:(DISCARD) flags 0x800 phys_seg 1 prio class 0',
    'I/O error, dev sda, sector 0 op 0x1:(WRITE) flags 0x800 phys_seg 0 prio class 2',
    'Buffer I/O error on dev sda1, logical block 244139, async page read',
    'Buffer I/O error on device sda, logical block 5',
    'Buffer I/O error on dev sdab, logical block 5, async page read',
    'I/O error, dev sda, sector 40 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 2',
  ].join('\n');
  const { listed, leftOut, devices } = readKernelLog(text, 'sda');
  assert.equal(listed, [{ first: 40, count: 1, line: 9 }]);
  assert.equal([...leftOut.values()], [3, 1, 1, 2]);
  assert.equal(devices, ['sda']);
});

test('a message that was cut gives its line; one of another disk does not matter', () => {
  for (const [end, line] of [
    ['', 2],
    [' ', 2],
    ['12x4', 2],
    ['-5', 2],
    ['0x10', 2],
    ['123456789012345678901', 2],
    ['18446744073709551615', 2],
    ['12', undefined],
  ] as const) {
    const text = `I/O error, dev sdb, sector ?\nI/O error, dev sda, sector ${end}\n`;
    assert.is(
      refusedLine(() => readKernelLog(text, 'sda')),
      line,
      end,
    );
  }
});

test('any text is read or refused with a line', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => void refusedLine(() => readKernelLog(text, 'sda'))),
  );
});
