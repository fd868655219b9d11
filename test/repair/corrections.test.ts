import { judge as verdictOf } from '../../src/check/checker.js';
import { MemoryDevice } from '../../src/device/memory-device.js';
import { DmremapError } from '../../src/errors.js';
import { checkDevice, planFor, tryDiagnose } from '../check/check-device.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { testPowerCuts } from './power-cut-tests.js';
import { isMove, STARTS, WITH_UNDO, WITHOUT_UNDO } from './starts.js';

/** Whatever check corrects, a power cut in the midst of it loses no remap, and the next check ends the work. */

const test = suite('corrections under power cuts');

testPowerCuts(
  test,
  STARTS.filter(({ name }) => !isMove(name)),
  { states: 2000, second: 500 },
);

async function needsUndo(image: Buffer): Promise<boolean> {
  const device = new MemoryDevice(new Uint8Array(image));
  const found = await tryDiagnose(device);
  if (found instanceof DmremapError) throw found;
  return planFor(device, found, verdictOf(found.problems, 'yes').correctable).needsUndo;
}

for (const [name, image] of WITH_UNDO)
  test(`${name}: needs an undo file`, async () => {
    assert.is(judge(image).y, 1);
    assert.ok(await needsUndo(image));
    const device = new MemoryDevice(new Uint8Array(image));
    assert.is((await checkDevice(device, 'preen')).exitCode, 4);
    assert.is((await checkDevice(device, 'yes')).exitCode, 1);
    assert.equal(
      [judge(Buffer.from(device.content)).n, judge(image).truth],
      [0, judge(Buffer.from(device.content)).truth],
    );
  });

for (const [name, image] of WITHOUT_UNDO)
  test(`${name}: needs none`, async () => {
    assert.is(judge(image).y, 1);
    assert.not(await needsUndo(image));
  });
