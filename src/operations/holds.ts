import type { BlockDevice } from '../device/block-device.js';
import { type Content, sealedBlock } from '../store/content.js';
import { diagnose } from './diagnose.js';

/** Whether every copy on a device is this content, and nothing is to be said of it but notes. */
export async function holdsContent(device: BlockDevice, content: Content): Promise<boolean> {
  const { survey, problems } = await diagnose(device);
  const { chosen } = survey.choice;
  return (
    chosen !== undefined &&
    survey.table !== undefined &&
    Buffer.compare(chosen.block, sealedBlock(content, chosen.name)) === 0 &&
    Buffer.compare(survey.table.bytes, content.table.bytes) === 0 &&
    problems.every(({ row }) => row.severity === 'note')
  );
}

/** The same of the layout of the kernel module: that the module would read this. */
export async function holdsModule(device: BlockDevice, content: Content): Promise<boolean> {
  const { survey, problems } = await diagnose(device);
  return (
    survey.module?.standing === 'accepted' &&
    Buffer.compare(survey.copies.primary.block, content.block) === 0 &&
    Buffer.compare(survey.module.content.table.bytes, content.table.bytes) === 0 &&
    problems.every(({ row }) => row.severity === 'note')
  );
}
