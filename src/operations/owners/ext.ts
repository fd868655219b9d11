import {
  extOwner,
  HEAD_REQUEST,
  icheckRequest,
  ncheckRequest,
  readBlockSize,
  readInodes,
  readNames,
} from '../../exchange/owners/debugfs.js';
import { SECTOR_SIZE } from '../../units.js';
import { type Tell, unopened } from './teller.js';

export const tellOfExt: Tell = async (askTool, { path, offset, start }, sectors) => {
  const device = offset === 0 ? path : `${path}?offset=${offset}`;
  const ask = (request: string) => askTool('debugfs', ['-R', request, device]);
  const head = await ask(HEAD_REQUEST);
  const size = readBlockSize(head.output);
  if (size === undefined) return () => unopened('debugfs', head);
  const blockOf = (sector: number) => Math.floor(((sector - start) * SECTOR_SIZE) / size);
  const found = await ask(icheckRequest([...new Set(sectors.map(blockOf))]));
  if (found.failure !== undefined) return () => unopened('debugfs', found);
  const inodes = readInodes(found.output);
  const wanted = new Set([...inodes.values()].filter((inode) => inode !== null));
  const names = wanted.size === 0 ? { output: '' } : await ask(ncheckRequest(wanted));
  const paths = readNames(names.output);
  return (sector) => {
    const owner = extOwner(inodes.get(blockOf(sector)), paths);
    return names.failure === undefined || owner.inode === null ? owner : { ...owner, note: names.failure };
  };
};
