import type { FileDevice } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import type { RemapTable } from '../format/entry.js';
import { type Header, ROLE, STATE } from '../format/header.js';
import { generationAfter, judgeSet, type PairFinding } from '../migrate/pairs.js';
import { commit } from '../store/commit.js';
import { contentOf, nextContent } from '../store/content.js';
import type { Copy } from '../store/copy.js';
import { carryOut } from '../store/phase.js';
import { stepBetween } from '../store/step.js';
import { diagnose } from './diagnose.js';
import { withDevice } from './open-device.js';

/**
 * Step 5 of format.md section 8, after a migration was cut short behind its commit point: FROM is flushed
 * with its copies whole, then TO becomes the active spare.
 */
export function finishSwitch(source: string, target: string, now: bigint): Promise<void> {
  return withPair('switch-unfinished', source, target, async (from, to) => {
    await from.device.flush();
    await commitRole(to, now, {
      role: ROLE.active,
      generation: generationAfter(from.chosen.header.generation, to.chosen.header.generation),
    });
  });
}

/** Both spares are active and the newer one names the older as its predecessor: the older is retired. */
export function retireSource(source: string, target: string, now: bigint): Promise<void> {
  return withPair('source-not-retired', source, target, (from, to) =>
    commitRole(from, now, {
      role: ROLE.retired,
      state: STATE.clean,
      peer_uuid: to.chosen.header.spare_uuid,
      peer_generation: to.chosen.header.generation,
    }),
  );
}

interface Side {
  readonly device: FileDevice;
  readonly chosen: Copy;
  readonly table: RemapTable;
}

/** Both are judged again under their locks: a step on what is no longer so could leave two active spares. */
function withPair(
  kind: PairFinding['kind'],
  source: string,
  target: string,
  step: (from: Side, to: Side) => Promise<void>,
): Promise<void> {
  return withDevice(source, 'exclusive', (fromDevice) =>
    withDevice(target, 'exclusive', async (toDevice) => {
      const [from, to] = [await sideOf(fromDevice), await sideOf(toDevice)];
      const older = { ...from.chosen.header, name: source };
      const { findings } = judgeSet([older, { ...to.chosen.header, name: target }]);
      const still = findings.some(
        (finding) => finding.kind === kind && 'source' in finding && finding.source === older,
      );
      if (!still) throw changedSince(source);
      await step(from, to);
    }),
  );
}

/** What lies on a device whose copies are whole and equal, and with which nothing else is wrong. */
async function sideOf(device: FileDevice): Promise<Side> {
  const { survey, problems } = await diagnose(device);
  const { chosen } = survey.choice;
  const damaged = problems.some(({ row, id }) => row.severity !== 'note' && id !== 'role-target');
  if (chosen === undefined || survey.table === undefined || damaged) throw changedSince(device.path);
  return { device, chosen, table: survey.table };
}

async function commitRole(
  { device, chosen, table }: Side,
  now: bigint,
  changes: Partial<Header>,
): Promise<void> {
  const before = contentOf(chosen.block, table);
  const step = stepBetween(before, nextContent(before, changes, now));
  await carryOut(device, commit(step, device.logicalBlockSize));
}

function changedSince(path: string): DmremapError {
  return new DmremapError('changed-since', `${path}: its metadata changed since it was checked`);
}
