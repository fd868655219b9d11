import fc from 'fast-check';
import { readSmartctl } from '../../src/exchange/smartctl.js';
import { assert, suite } from '../support/harness.js';
import { refusedLine, sectorsOf } from './refusal.js';

/** Outputs of smartctl, in the columns that smartmontools 7 prints. */

const test = suite('smartctl output');

const HEADING = `smartctl 7.3 2022-02-28 r5338 [x86_64-linux-6.1.0] (local build)

=== START OF INFORMATION SECTION ===
Device Model:     EXAMPLE DISK
`;

function ataLog(
  lbas: readonly (number | undefined)[],
  size = 'Sector Size:      512 bytes logical/physical',
): string {
  const rows = lbas.map((lba, index) => {
    const status =
      lba === undefined ? 'Completed without error       00%' : 'Completed: read failure       90%';
    return `#${String(index + 1).padStart(2)}  Extended offline    ${status} ${String(12345 - index).padStart(9)}         ${lba ?? '-'}\n`;
  });
  return (
    `${HEADING}${size}\n\nSMART Self-test log structure revision number 1\n` +
    `Num  Test_Description    Status                  Remaining  LifeTime(hours)  LBA_of_first_error\n${rows.join('')}`
  );
}

test('self-tests that found a block unreadable', () => {
  const lba = fc.option(fc.integer({ min: 0, max: 2 ** 40 }), { nil: undefined });
  fc.assert(
    fc.property(fc.array(lba, { maxLength: 21 }), (lbas) => {
      const wanted = lbas.filter((block) => block !== undefined);
      assert.equal(sectorsOf(readSmartctl(ataLog(lbas), 512)), wanted);
    }),
  );
});

test('logical blocks of 4096 bytes are eight sectors, whether the text says so or main does', () => {
  const said = ataLog([3], 'Sector Sizes:     4096 bytes logical, 4096 bytes physical');
  assert.equal(readSmartctl(said, 512).listed, [{ first: 24, count: 8, line: 9 }]);
  assert.equal(readSmartctl(ataLog([3], ''), 4096).listed, [{ first: 24, count: 8, line: 9 }]);
  const advanced = ataLog([3], 'Sector Sizes:     512 bytes logical, 4096 bytes physical');
  assert.equal(sectorsOf(readSmartctl(advanced, 4096)), [3]);
});

const ERROR_LOG = `${HEADING}
SMART Error Log Version: 1
ATA Error Count: 5

Error 5 occurred at disk power-on lifetime: 8731 hours (363 days + 19 hours)
  40 51 08 60 e2 3c 0c  Error: UNC 8 sectors at LBA = 0x0c3ce260 = 205316704
  40 51 00 ff ff ff 0f  Error: UNC at LBA = 0x0fffffff = 268435455
  84 51 00 00 00 00 00  Error: ICRC, ABRT 8 sectors at LBA = 0x00000010 = 16
  04 51 00 00 00 00 00  Error: ABRT
  40 51 00 00 00 00 00  Error: UNC
  40 -- 51 00 00 00 00 1d 1c 4d a1 40 00  Error: UNC at LBA = 0x1d1c4da1 = 488394145
  01 51 00 00 00 00 00  Error: AMNF 1 sectors at LBA = 0x00000009 = 9
`;

test('errors of commands, but for those of the cable and those whose block is not known', () => {
  const { listed, leftOut } = readSmartctl(ERROR_LOG, 512);
  assert.equal(
    listed.map(({ first, line }) => [first, line]),
    [
      [205_316_704, 10],
      [488_394_145, 15],
      [9, 16],
    ],
  );
  assert.equal([...leftOut.values()].sort(), [1, 1, 2]);
});

test('pending defects, until their table ends', () => {
  const text = `${HEADING}Pending Defects log (GP Log 0x0c)
Index                LBA    Hours
    0          805306368     1234
    1                  7        -

    2                 99      100
`;
  assert.equal(sectorsOf(readSmartctl(text, 512)), [805_306_368, 7]);
});

test('self-tests of SCSI and NVMe', () => {
  const scsi = `${HEADING}Logical block size:   4096 bytes
SMART Self-test log
Num  Test              Status                 segment  LifeTime  LBA_first_err [SK ASC ASQ]
     Description                              number   (hours)
# 1  Background long   Failed in segment -->       3    1234             10 [0x3 0x11 0x0]
# 2  Background long   Failed in segment -->       -    1234             11 [0x4 0x40 0x80]
# 3  Background short  Completed                   -    1233              - [-   -    -]
`;
  assert.equal(readSmartctl(scsi, 512).listed, [{ first: 80, count: 8, line: 9 }]);
  const nvme = `${HEADING}Namespace 1 Formatted LBA Size:                 512
Self-test Log (NVMe Log 0x06)
Num  Test_Description  Status                       Power_on_Hours  Failing_LBA  NSID Seg SCT Code
 0   Extended          Completed: failed segments              1234   123456789     1   2 0x2 0x81
 1   Short             Completed: failed segments              1233           -     -   1   -    -
 2   Short             Completed without error                 1232           -     -   -   -    -
`;
  assert.equal(sectorsOf(readSmartctl(nvme, 4096)), [123_456_789]);
});

const DOCUMENT = {
  json_format_version: [1, 0],
  logical_block_size: 512,
  ata_smart_error_log: {
    summary: {
      table: [
        {
          completion_registers: { lba: 4_385_280 },
          error_description: 'Error: UNC 8 sectors at LBA = 0x0042ea00 = 4385280',
        },
        {
          completion_registers: { lba: 16 },
          error_description: 'Error: ICRC, ABRT at LBA = 0x00000010 = 16',
        },
      ],
    },
    extended: { table: [{ error_description: 'Error: UNC at LBA = 0x1d1c4da1 = 488394145' }] },
  },
  ata_smart_self_test_log: {
    standard: {
      table: [
        {
          status: { value: 121, string: 'Completed: read failure', passed: false },
          lifetime_hours: 5,
          lba: 1_234_567,
        },
        { status: { value: 0, string: 'Completed without error', passed: true } },
      ],
    },
  },
  ata_pending_defects_log: { size: 65_535, count: 1, table: [{ lba: 77 }] },
  scsi_self_test_0: { sense_key: { value: 3 }, lba_first_failure: { value: 99 } },
  scsi_self_test_1: { sense_key: { value: 4 }, lba_first_failure: { value: 98 } },
};

test('the same out of JSON, with the lines', () => {
  const text = JSON.stringify(DOCUMENT, null, 2);
  const { listed, leftOut } = readSmartctl(text, 4096);
  const found = listed.map(({ first }): number => first);
  assert.equal(
    found.sort((a, b) => a - b),
    [77, 99, 1_234_567, 4_385_280, 488_394_145],
  );
  assert.is(leftOut.size, 1);
  for (const { first, line } of listed)
    assert.ok(text.split('\n')[line - 1]?.includes(`${first}`), `${first}`);
  assert.equal(
    sectorsOf(readSmartctl(JSON.stringify({ ...DOCUMENT, logical_block_size: 4096 }), 512)).length,
    40,
  );
});

test('what is ill-formed gives its line, and nothing is read', () => {
  for (const [text, line] of [
    ['', 1],
    ['1234\n', 1],
    [`${HEADING}`, 1],
    ['{}', 1],
    ['{\n"ata_smart_self_test_log": {\n', 3],
    [ataLog([5]).replace(/5\n$/, 'five\n'), 9],
    [ataLog([5, 6]).replace(/\s+6\n$/, '\n'), 10],
    [ERROR_LOG.replace('= 488394145', '= 488394146'), 15],
    [ataLog([5], 'Sector Size:      500 bytes logical/physical'), 1],
    [ataLog([5]).replace(/5\n$/, '18446744073709551615\n'), 9],
  ] as const)
    assert.is(
      refusedLine(() => readSmartctl(text, 512)),
      line,
      text,
    );
  assert.is(
    refusedLine(() => readSmartctl(ataLog([]), 512)),
    undefined,
  );
});

test('any text is read or refused with a line', () => {
  const any = fc.oneof(fc.string({ unit: 'binary' }), fc.json());
  fc.assert(fc.property(any, (text) => void refusedLine(() => readSmartctl(text, 512))));
});
