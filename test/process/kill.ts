import { assert } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { putBack } from '../support/undo-reader.js';
import type { Stage } from './stage.js';
import { layoutOf, shown, type Victim } from './victims.js';

/** How far a killed process had come. */
export type Progress = 'before' | 'within' | 'after';

export interface Killed {
  readonly progress: Progress;
  /** What lies on the spare after the recovery. */
  readonly found: 'old' | 'new';
}

/** Recovers the spare of a stage whose process was killed, and holds everything against the independent readers. */
export async function recover(stage: Stage, victim: Victim, when: string): Promise<Killed> {
  const untouched = stage.image.equals(stage.start) && stage.newUndoFiles().length === 0;
  const finished = stage.newUndoFiles().every(({ state }) => state === 'finished');
  const { code, stdout, stderr } = await stage.recover();
  const said = `${victim.name}, killed ${when}; ${victim.recovery} answers ${code}: ${stdout}${stderr}`;
  assert.ok(code === 0 || code === 1, said);
  const image = stage.image;
  const { n, truth, why } = judge(image);
  assert.equal([n, why], [0, []], said);
  const shows = shown(image, truth ?? []);
  assert.ok(
    shows === victim.before || shows === victim.after,
    `${said}: it shows neither the old nor the new`,
  );
  assertUndoable(stage, image, code === 1, said);
  const progress = untouched ? 'before' : code === 0 && finished ? 'after' : 'within';
  return { progress, found: image.equals(stage.start) ? 'old' : 'new' };
}

/** What was saved is what lay there. A check saves nothing where another copy is whole. */
function assertUndoable(stage: Stage, image: Buffer, corrected: boolean, said: string): void {
  const files = stage.newUndoFiles();
  if (corrected && files.every(({ state }) => state === 'incomplete')) return;
  if (layoutOf(image) === 'plain')
    assert.ok(!files.some(({ state }) => state === 'unfinished'), `${said}: a file is unfinished`);
  if (files.length === 0) return;
  assert.ok(
    putBack(image, files).equals(stage.start),
    `${said}: undo files do not bring back what lay there`,
  );
}

/** Works through items, several at a time, each worker on a stage of its own. */
export async function onStages<Item>(
  stages: readonly Stage[],
  items: Iterable<Item>,
  work: (stage: Stage, item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  await Promise.all(
    stages.map(async (stage) => {
      for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
        stage.reset();
        await work(stage, next.value);
      }
    }),
  );
}

export function summary(kills: readonly Killed[]): string {
  const old = kills.filter(({ found }) => found === 'old').length;
  const [before, within, after] = (['before', 'within', 'after'] as const).map((progress) =>
    countOf(kills, progress),
  );
  return (
    `${kills.length} kills: ${before} before, ${within} within, ${after} after its writing; ` +
    `recovered to the old bytes ${old} times, to others ${kills.length - old} times`
  );
}

export function countOf(kills: readonly Killed[], wanted: Progress): number {
  return kills.filter(({ progress }) => progress === wanted).length;
}
