import type { BlockDevice } from '../device/block-device.js';
import { DmremapError } from '../errors.js';
import { type Content, nextContent } from '../store/content.js';
import type { ModuleImage } from '../store/module-image.js';
import { asPlainPhases } from '../store/module-layout.js';
import type { Phase } from '../store/phase.js';
import type { Diagnosis } from './diagnose.js';
import { doubts } from './spare.js';

/** What the kernel module left, as a plain set. */
export interface TakenOver {
  readonly content: Content;
  readonly phases: readonly Phase[];
}

/**
 * What makes a plain set of it.
 *
 * @param now Unix seconds
 * @throws DmremapError `changed-since` as whyNotTaken
 */
export function takeOver(
  device: BlockDevice,
  diagnosis: Diagnosis,
  image: ModuleImage,
  now: bigint,
): TakenOver {
  const refusal = whyNotTaken(device, diagnosis, image);
  if (refusal !== undefined) throw refusal;
  const content = nextContent(image.content, {}, now);
  return { content, phases: asPlainPhases(image, content, device.logicalBlockSize) };
}

/** It is a guess, or something else is wrong with it: that is for the operator to settle. */
export function whyNotTaken(
  { name }: BlockDevice,
  diagnosis: Diagnosis,
  { standing, content }: ModuleImage,
): DmremapError | undefined {
  const refusal = (message: string, hint: string, problem = 'module-image') =>
    new DmremapError('changed-since', `${name}: ${message}`, { hint, data: { problem } });
  if (standing === 'guess')
    return refusal('what the kernel module left is not certain', `first: dmremap repair ${name}`);
  if (content.header.main_device_size === 0n)
    return refusal('the kernel module wrote no size of main', `first: dmremap repair ${name} --main MAIN`);
  const [doubt] = doubts(diagnosis);
  if (doubt === undefined) return undefined;
  const message = `${doubt.row.title.toLowerCase()}; that has to be settled first`;
  return refusal(message, `first: dmremap repair ${name}`, doubt.id);
}

/** Nothing is written into another program's layout: what has to be typed before a change. */
export function refuseModule(device: BlockDevice, diagnosis: Diagnosis, image: ModuleImage): DmremapError {
  const { name } = device;
  return new DmremapError('changed-since', `${name} is a spare of the dm-remap v3 kernel module`, {
    hint: firstOf(device, diagnosis, image),
    data: { problem: 'module-image' },
  });
}

/** The line that makes a set of ours of it, or the one that has to come before that. */
export function firstOf(device: BlockDevice, diagnosis: Diagnosis, image: ModuleImage): string {
  const hint = whyNotTaken(device, diagnosis, image)?.hint;
  return hint ?? `first: dmremap convert --layout redundant ${device.name}`;
}
