import { rmSync } from 'node:fs';
import { NBDFUSE_NEEDS } from '../device/nbdfuse.js';
import type { Ended } from '../obligations/run-cli.js';
import { type Document, documentOf, isObject } from '../obligations/schemas.js';
import { patient } from '../obligations/workshop.js';
import { assert, needs, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { FailingFile } from './failing-file.js';
import { Stage } from './stage.js';
import { shown, VICTIMS, type Victim } from './victims.js';

/**
 * A disk whose writes fail with EIO in the midst of a change, at either end: nothing is lost, the message says
 * what stands on the device, and the lines that it gives work, while the disk fails and afterwards.
 */

const test = suite('writes that fail');
const slow = patient(test);

/** More of these writes before the first that fails is no other case; a loop device makes fewer and larger ones. */
const MOST_BEFORE = { file: 3, loop: 2 } as const;

for (const [index, victim] of VICTIMS.entries()) {
  const kind = index % 2 === 0 ? 'loop' : 'file';
  slow(`${victim.name}, on a ${kind === 'loop' ? 'loop device' : kind}`, async () => {
    needs(...NBDFUSE_NEEDS, 'losetup', '/dev/loop-control');
    let spare: FailingFile | undefined;
    const stage = await Stage.of(victim, async (shop, size) => {
      spare = await FailingFile.of(shop, 'spare.img', size, kind);
      return spare;
    });
    try {
      if (spare === undefined) return assert.unreachable();
      const size = victim.image.length;
      const halves = [
        { from: 0, to: size / 2 },
        { from: size / 2, to: size },
      ];
      let failures = 0;
      for (const half of halves)
        for (let nth = 0; nth < MOST_BEFORE[kind]; nth++) {
          stage.reset();
          spare.fail({ ...half, nth });
          const ended = await stage.run([...victim.line, '--json']);
          if (!spare.hasFailed) break;
          failures++;
          await assertSafe(victim, stage, spare, ended);
        }
      assert.ok(failures > 0, 'no write has failed');
    } finally {
      stage.cleanUp();
    }
  });
}

async function assertSafe(victim: Victim, stage: Stage, spare: FailingFile, ended: Ended): Promise<void> {
  const said = `${victim.name}: ${ended.code} ${ended.stdout}`;
  assert.is(ended.code, 8, said);
  const { hint, stands } = errorOf(ended, victim.line[0] ?? '');
  const lines = linesIn(String(hint));
  assert.equal(lines[0], ['check', '-p', spare.path], said);
  if (stands !== 'unknown') assertShows(victim, spare.content, shownBy(stands), said);
  const file = stage.path('saved');
  rmSync(file, { force: true });
  for (const line of lines) {
    const { code, stdout } = await stage.run(line.map((word) => (word === 'FILE' ? file : word)));
    if (line[0] === 'dump') assert.ok(code === 0, `${said}: ${line.join(' ')} answers ${code} ${stdout}`);
    else
      assert.ok(
        code === 8 || code === 1 || code === 0,
        `${said}: ${line.join(' ')} answers ${code} ${stdout}`,
      );
  }
  if (stands !== 'unknown') assertShows(victim, spare.content, shownBy(stands), said);
  spare.heal();
  const typed = [...(lines[0] ?? [])];
  const again = await stage.run(victim.recovery === '-y' ? ['check', '-y', spare.path] : typed);
  assert.ok(again.code === 0 || again.code === 1, `${said}: ${typed.join(' ')} answers ${again.stdout}`);
  const { n, why } = judge(spare.content);
  assert.equal([n, why], [0, []], said);
  assertShows(victim, spare.content, shownBy(stands), said);
}

/** What may be seen of remaps and data: a part of a change may be one that they do not show. */
function shownBy(stands: unknown): readonly string[] {
  return stands === 'before' || stands === 'after' ? [stands] : ['before', 'after'];
}

/** The set shows what it showed before the line, or what it shows after it. */
function assertShows(victim: Victim, image: Buffer, allowed: readonly string[], said: string): void {
  const shows = shown(image, judge(image).truth ?? []);
  const is = (['before', 'after'] as const).filter((when) => victim[when] === shows);
  assert.ok(
    is.some((when) => allowed.includes(when)),
    `${said}: it shows ${is.join(' and ') || 'something else'}`,
  );
}

function errorOf(ended: Ended, command: string): Document {
  const document = documentOf(ended, command);
  const { error, devices } = document;
  if (isObject(error)) return error;
  const [device] = Array.isArray(devices) ? devices : [];
  const failed = isObject(device) ? device['error'] : undefined;
  if (!isObject(failed)) throw new Error(`no error in ${ended.stdout}`);
  return failed;
}

/** The lines of dmremap that a message says are to be typed. */
function linesIn(text: string): string[][] {
  return [...text.matchAll(/dmremap ([^;,]+)/g)].map(([, words = '']) => words.trim().split(' '));
}
