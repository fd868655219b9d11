import { createHash } from 'node:crypto';
import type { Survey } from '../../check/survey.js';
import type { BlockDevice } from '../../device/block-device.js';
import { readPastCache } from '../../device/past-cache.js';
import { DeviceError } from '../../errors.js';
import { toHex } from '../../layout/codec.js';
import { type Sample, type Samples, sectorsInQuestion } from '../../repair/answers/samples.js';
import { bytes, roundDown, SECTOR_SIZE } from '../../units.js';

/** How much of a sector is shown, in bytes. */
const PREVIEW = 12;

/** Reads the data of the sectors about which entries contradict each other, on both devices, past their caches. */
export async function readSamples(spare: BlockDevice, main: BlockDevice, survey: Survey): Promise<Samples> {
  const wanted = sectorsInQuestion(survey);
  return { main: await sampleAll(main, wanted.main), spare: await sampleAll(spare, wanted.spare) };
}

async function sampleAll(device: BlockDevice, sectors: readonly number[]): Promise<Map<number, Sample>> {
  const samples = new Map<number, Sample>();
  for (const sector of sectors)
    if ((sector + 1) * SECTOR_SIZE <= device.size) samples.set(sector, await sampleOf(device, sector));
  return samples;
}

async function sampleOf(device: BlockDevice, sector: number): Promise<Sample> {
  const at = sector * SECTOR_SIZE;
  const from = roundDown(at, device.logicalBlockSize);
  const block = Buffer.allocUnsafeSlow(device.logicalBlockSize);
  try {
    await readPastCache(device, bytes(from), block);
  } catch (error) {
    if (error instanceof DeviceError) return { kind: 'unreadable', errno: error.errno };
    throw error;
  }
  const data = block.subarray(at - from, at - from + SECTOR_SIZE);
  const start = data.subarray(0, PREVIEW);
  const text = start.toString('latin1').replace(/[^\x20-\x7e]/g, '.');
  return {
    kind: 'read',
    sha256: createHash('sha256').update(data).digest('hex'),
    preview: `${toHex(start)} ${text}`,
  };
}
