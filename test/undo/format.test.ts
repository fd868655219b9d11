import * as fc from 'fast-check';
import { extendCrc } from '../../src/format/checksum.js';
import {
  type DecodedUndo,
  decodeHead,
  decodeUndo,
  encodeHead,
  encodeUndo,
  HEAD_SIZE,
  isRefusal,
  sectorInState,
  UNDO_STATE,
  type UndoFault,
} from '../../src/undo/format.js';
import { numbered } from '../device/scratch.js';
import { assert, suite } from '../support/harness.js';
import { inWriteOrder, SECTOR, smallUndo, withJson } from './support.js';

const test = suite('undo file format');

function accepted(file: Uint8Array): DecodedUndo {
  const found = decodeUndo(file);
  if (isRefusal(found)) throw new Error(`refused: ${found.message}`);
  return found;
}

function refused(file: Uint8Array, ...faults: UndoFault[]): string {
  const found = decodeUndo(file);
  assert.ok(isRefusal(found), 'it was accepted');
  if (!isRefusal(found)) return '';
  if (faults.length > 0) assert.ok(faults.includes(found.refused), `${found.refused}: ${found.message}`);
  assert.match(found.message, /^(is|has|describes) /);
  return found.message;
}

test('what is encoded comes back', () => {
  const { file, description } = smallUndo();
  const found = accepted(file);
  assert.equal(found.description, description);
  assert.equal(found.data, new Uint8Array(numbered(5 * SECTOR)));
  assert.is(found.head.state, UNDO_STATE.unfinished);
  assert.is(found.head.data_length, BigInt(5 * SECTOR));
});

test('offsets and numbers are those that are written down', () => {
  const { file } = smallUndo();
  const head = Buffer.from(file.subarray(0, HEAD_SIZE));
  assert.is(head.toString('latin1', 0, 8), 'DMRUNDO1');
  assert.equal([head.readUInt32LE(8), head.readUInt32LE(16)], [1, 0]);
  const description = file.subarray(HEAD_SIZE + 5 * SECTOR);
  assert.is(head.readUInt32LE(20), extendCrc(0, description));
  assert.is(head.readUInt32LE(24), extendCrc(0, file.subarray(HEAD_SIZE, HEAD_SIZE + 5 * SECTOR)));
  assert.is(head.readBigUInt64LE(32), BigInt(5 * SECTOR));
  assert.is(head.readBigUInt64LE(40), BigInt(description.length));
  const json = JSON.parse(Buffer.from(description).toString()) as { spare: object; blocks: object[] };
  assert.equal(json.spare, {
    name: '/dev/sdx',
    real_path: '/dev/sdx',
    stable_path: '/dev/disk/by-id/ata-Größe_1',
    id: 'serial:Größe_1',
    model: 'Größe',
    serial: '1',
    size: 1 << 20,
    set_uuid: '11111111-2222-4333-8444-555555555555',
    spare_uuid: '99999999-8888-4777-8666-555555555555',
    generation: 7,
  });
  assert.equal(json.blocks[1], {
    device: 'spare',
    phase: 3,
    at: 4096,
    length: 1536,
    crc_before: '00000001',
    crc_after: 'fffffffe',
    sectors_after: '0000000100000002deadbeef',
    between: [[2, '00000009']],
    unreadable: [[4608, 512]],
  });
});

test('finishing changes one sector and nothing but the state', () => {
  const { file, description } = smallUndo();
  const head = decodeHead(file.subarray(0, HEAD_SIZE));
  if (isRefusal(head)) throw new Error(head.message);
  const sector = sectorInState(head, UNDO_STATE.finished);
  assert.is(sector.length, SECTOR);
  const finished = new Uint8Array(file);
  finished.set(sector);
  const found = accepted(finished);
  assert.is(found.head.state, UNDO_STATE.finished);
  assert.equal(found.description, description);
});

test('every truncation is refused, and everything behind the end', () => {
  const { file } = smallUndo();
  const reasons = new Set<string>();
  for (let length = 0; length < file.length; length++)
    reasons.add(refused(file.subarray(0, length)).replace(/\d+/g, 'N'));
  assert.equal(
    [...reasons],
    [
      'is an undo file that was never completed: its head is empty',
      'is no undo file: it does not begin with DMRUNDON',
      'is cut short: N bytes',
      'is cut short: N bytes, not the N that its head says',
    ],
  );
  refused(Buffer.concat([file, Buffer.alloc(1)]), 'length');
  refused(Buffer.concat([file, file]), 'length');
});

test('a file that was being written is refused at every cut point', () => {
  const { file } = smallUndo();
  let whole = 0;
  for (let written = 0; written < file.length; written++) {
    const cut = inWriteOrder(file, written);
    // The rest of the head is zero before it is written, too.
    if (Buffer.compare(cut, file) === 0) whole++;
    else refused(cut);
  }
  assert.ok(whole > 0 && whole <= HEAD_SIZE - 41, `${whole} cuts change nothing`);
});

test('every flipped bit is refused', () => {
  const { file } = smallUndo();
  for (let bit = 0; bit < file.length * 8; bit += bit < 64 * 8 ? 1 : 5) {
    const damaged = new Uint8Array(file);
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    refused(damaged);
  }
});

test('sectors that did not arrive, in any choice', () => {
  const { file } = smallUndo();
  const sectors = Math.ceil(file.length / SECTOR);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(sectors - 1), { minLength: 1, maxLength: 6 }), (missing) => {
      const torn = new Uint8Array(file);
      for (const sector of missing) torn.fill(0, sector * SECTOR, (sector + 1) * SECTOR);
      if (Buffer.compare(torn, file) === 0) return;
      refused(torn);
    }),
    { numRuns: 500 },
  );
});

test('random bytes are refused and never throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 9000 }), (random) => void refused(random)),
    { numRuns: 300 },
  );
});

test('random bytes under a right head are refused and never throw', () => {
  const parts = fc.tuple(fc.uint8Array({ maxLength: 2048 }), fc.uint8Array({ maxLength: 512 }));
  fc.assert(
    fc.property(parts, fc.boolean(), fc.boolean(), ([data, text], rightData, rightText) => {
      const head = encodeHead({
        state: 1,
        data_crc: rightData ? extendCrc(0, data) : 1,
        description_crc: rightText ? extendCrc(0, text) : 1,
        data_length: BigInt(data.length),
        description_length: BigInt(text.length),
      });
      refused(Buffer.concat([head, data, text]), 'description');
    }),
    { numRuns: 300 },
  );
});

test('lengths beyond all measure', () => {
  for (const [data, text] of [
    [2n ** 64n - 1n, 2n ** 64n - 1n],
    [2n ** 63n, 0n],
    [0n, 2n ** 53n],
  ] as const) {
    const fields = { state: 0, data_crc: 0, description_crc: 0 };
    refused(encodeHead({ ...fields, data_length: data, description_length: text }), 'length');
  }
});

function withHeadField(offset: number, value: number): Uint8Array {
  const file = Buffer.from(smallUndo().file);
  file.writeUInt32LE(value, offset);
  file.writeUInt32LE(0, 12);
  file.writeUInt32LE(extendCrc(0, file.subarray(0, HEAD_SIZE)), 12);
  return file;
}

test('another version, an unknown state, something reserved: under a right checksum', () => {
  assert.match(refused(withHeadField(8, 2), 'version'), /version 2; this program knows version 1/);
  refused(withHeadField(16, 2), 'head');
  refused(withHeadField(28, 1), 'head');
  refused(withHeadField(4000, 1), 'head');
});

test('descriptions that make no sense are refused with the reason', () => {
  const first = (json: Record<string, unknown>): Record<string, unknown> =>
    (json['blocks'] as Record<string, unknown>[])[0] ?? {};
  const cases: readonly (readonly [RegExp, (json: Record<string, unknown>) => void])[] = [
    [/command is no text/, (json) => delete json['command']],
    [/created is no number/, (json) => Object.assign(json, { created: -1 })],
    [/spare is no object/, (json) => Object.assign(json, { spare: [] })],
    [/size is no number/, (json) => Object.assign(json['spare'] as object, { size: 1.5 })],
    [/generation is no number/, (json) => Object.assign(json['spare'] as object, { generation: 2 ** 32 })],
    [/spare_uuid is no text/, (json) => Object.assign(json['spare'] as object, { spare_uuid: 1 })],
    [/blocks is no list/, (json) => Object.assign(json, { blocks: {} })],
    [/a block is no object/, (json) => Object.assign(json, { blocks: [null] })],
    [/no device sidecar/, (json) => Object.assign(first(json), { device: 'sidecar' })],
    [/main, which is not described/, (json) => delete json['main']],
    [/not in whole sectors/, (json) => Object.assign(first(json), { at: 1 })],
    [/not in whole sectors/, (json) => Object.assign(first(json), { length: 0 })],
    [/beyond byte 1048576/, (json) => Object.assign(first(json), { at: 1 << 20 })],
    [/overlap or are out of order/, (json) => Object.assign(first(json), { at: 4096 })],
    [/not 8 hexadecimal digits/, (json) => Object.assign(first(json), { sectors_after: '' })],
    [/not eight hexadecimal/, (json) => Object.assign(first(json), { crc_before: 'x' })],
    [/unreadable is no pair/, (json) => Object.assign(first(json), { unreadable: [1] })],
    [/before its block|beyond/, (json) => Object.assign(first(json), { unreadable: [[512, 512]] })],
    [/index is no number/, (json) => Object.assign(first(json), { between: [[1, '00000000']] })],
    [/describes 2048 bytes but/, (json) => (json['blocks'] as unknown[]).pop()],
  ];
  for (const [reason, edit] of cases) {
    const text = withJson(edit);
    const data = numbered(5 * SECTOR);
    const head = encodeHead({
      state: 0,
      data_crc: extendCrc(0, data),
      description_crc: extendCrc(0, text),
      data_length: BigInt(data.length),
      description_length: BigInt(text.length),
    });
    assert.match(refused(Buffer.concat([head, data, text]), 'description'), reason);
  }
});

test('any JSON at all in place of the description never throws', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const text = new TextEncoder().encode(json);
      const head = encodeHead({
        state: 0,
        data_crc: 0,
        description_crc: extendCrc(0, text),
        data_length: 0n,
        description_length: BigInt(text.length),
      });
      refused(Buffer.concat([head, text]), 'description');
    }),
  );
});

test('a change of nothing is a file, too', () => {
  const { description } = smallUndo();
  const file = encodeUndo({ ...description, blocks: [] }, new Uint8Array(0), UNDO_STATE.finished);
  assert.equal(accepted(file).description.blocks, []);
});
