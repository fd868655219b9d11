import { nobody } from '../../exchange/owners/owner.js';
import { readShape, readUses, SHAPE_COMMANDS, useCommands } from '../../exchange/owners/xfs-db.js';
import { SECTOR_SIZE } from '../../units.js';
import { inImage, type Tell, unopened } from './teller.js';

export const tellOfXfs: Tell = async (askTool, volume, sectors) => {
  if (volume.offset !== 0) return () => inImage(volume);
  const ask = (commands: readonly string[]) =>
    askTool('xfs_db', ['-r', ...commands.flatMap((command) => ['-c', command]), volume.path]);
  const head = await ask(SHAPE_COMMANDS);
  const shape = readShape(head.output);
  if (shape === undefined) return () => unopened('xfs_db', head);
  const blockOf = (sector: number) => Math.floor(((sector - volume.start) * SECTOR_SIZE) / shape.blockSize);
  const blocks = [...new Set(sectors.map(blockOf))].filter((block) => block < shape.blocks);
  const uses = await ask(useCommands(blocks, shape));
  if (uses.failure !== undefined) return () => unopened('xfs_db', uses);
  const owners = readUses(uses.output, shape);
  return (sector) =>
    owners.get(blockOf(sector)) ??
    nobody(blockOf(sector) < shape.blocks ? 'xfs_db did not say' : 'behind the end of the filesystem');
};
