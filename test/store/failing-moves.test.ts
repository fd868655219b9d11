import { RemapTable } from '../../src/format/entry.js';
import { contentOf } from '../../src/store/content.js';
import { ChangeFailed } from '../../src/store/failure.js';
import { moveBackup, movedContent } from '../../src/store/move.js';
import { carryOut } from '../../src/store/phase.js';
import { buildImage } from '../support/build-image.js';
import { assert, suite } from '../support/harness.js';
import { Random } from '../support/random.js';
import {
  assertRecoveredAlways,
  assertRecovers,
  assertWhole,
  failures,
  REDUNDANT,
  REMAPS,
  WatchedDevice,
} from './failing-commits.js';

/** Every write and every flush of moving the backup of a grown device fails in every way. */

const test = suite('moves on failing devices');

for (const by of [8, 16, 24, 40, 200])
  for (const primaryCurrent of [true, false])
    test(`by ${by} sectors${primaryCurrent ? '' : ' with a damaged primary'}`, async () => {
      const stands = new Set<string>();
      for (const failure of failures(10)) {
        const image = buildImage({ ...REDUNDANT, tailBytes: Buffer.alloc(by * 512) });
        const live = new RemapTable(new Uint8Array(image.subarray(4096, 4096 + 3200)));
        const content = contentOf(new Uint8Array(image.subarray(0, 4096)), live);
        if (!primaryCurrent) image.fill(7, 4096, 4608);
        const device = new WatchedDevice(image);
        device.failNow(failure);
        const moved = movedContent(content, device.size, 1_750_000_000n);
        const error = await carryOut(device, moveBackup(content, moved, primaryCurrent, 512)).catch(
          (thrown: unknown) => thrown,
        );
        await assertRecoveredAlways(device, [REMAPS], 'yes');
        if (error === undefined) {
          assert.is(device.failed, 0);
          await assertWhole(device, REMAPS);
          continue;
        }
        assert.ok(error instanceof ChangeFailed, `${error}`);
        stands.add(error.stands);
        await assertRecovers(device, [REMAPS], new Random(failure.from), 'yes');
      }
      assert.equal([...stands].sort(), ['after', 'before', 'unknown']);
    });
