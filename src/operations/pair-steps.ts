import type { FileDevice } from '../device/file-device.js';
import { DmremapError } from '../errors.js';
import { type Header, ROLE, STATE } from '../format/header.js';
import { generationAfter } from '../migrate/pairs.js';
import { commit } from '../store/commit.js';
import { contentOf, nextContent } from '../store/content.js';
import type { Copy } from '../store/copy.js';
import { carryOut } from '../store/phase.js';
import { diagnose } from './diagnose.js';
import { withDevice } from './open-device.js';
import { readable } from './spare.js';

/**
 * Step 5 of format.md section 8, after a migration was cut short behind its commit point: FROM is flushed
 * with its copies whole, then TO becomes the active spare.
 */
export function finishSwitch(source: string, target: string, now: bigint): Promise<void> {
  return withPair(source, target, async (from, to) => {
    await from.device.flush();
    await commitRole(to.device, now, {
      role: ROLE.active,
      generation: generationAfter(from.chosen.header.generation, to.chosen.header.generation),
    });
  });
}

/** Both spares are active and the newer one names the older as its predecessor: the older is retired. */
export function retireSource(source: string, target: string, now: bigint): Promise<void> {
  return withPair(source, target, (from, to) =>
    commitRole(from.device, now, {
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
}

function withPair(
  source: string,
  target: string,
  step: (from: Side, to: Side) => Promise<void>,
): Promise<void> {
  return withDevice(source, 'exclusive', (from) =>
    withDevice(target, 'exclusive', async (to) =>
      step({ device: from, chosen: await chosenOf(from) }, { device: to, chosen: await chosenOf(to) }),
    ),
  );
}

async function chosenOf(device: FileDevice): Promise<Copy> {
  const spare = readable(await diagnose(device));
  if (spare === undefined)
    throw new DmremapError('changed-since', `${device.path}: its metadata changed since it was checked`);
  return spare.chosen;
}

async function commitRole(device: FileDevice, now: bigint, changes: Partial<Header>): Promise<void> {
  const { survey, problems } = await diagnose(device);
  const { chosen } = survey.choice;
  const damaged = problems.some(({ row, id }) => row.severity === 'problem' && id !== 'role-target');
  if (chosen === undefined || survey.table === undefined || damaged)
    throw new DmremapError('changed-since', `${device.path}: its metadata changed since it was checked`);
  const before = contentOf(chosen.block, survey.table);
  await carryOut(device, commit(before, nextContent(before, changes, now), device.logicalBlockSize));
}
