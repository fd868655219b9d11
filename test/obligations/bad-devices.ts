/** Names that no spare lies behind, each with what every command has to say to it. */
import { createServer } from 'node:net';
import type { ErrorCode } from '../../src/errors.js';
import { run } from '../device/scratch.js';
import type { Workshop } from './workshop.js';

export interface BadDevice {
  readonly title: string;
  readonly path: string;
  readonly code: ErrorCode;
  /** What the message has to say, beside the path. */
  readonly says: RegExp;
}

/** Makes them in the workshop's folder. */
export async function badDevices(shop: Workshop): Promise<BadDevice[]> {
  run('mkfifo', shop.path('fifo'));
  const server = createServer().listen(shop.path('socket'));
  await new Promise((resolve) => server.once('listening', resolve));
  shop.atEnd(() => server.close());
  const file = (name: string, size: number) => shop.sparse(name, size);
  return [
    { title: 'missing file', path: shop.path('missing'), code: 'no-such-device', says: /no such file/ },
    { title: 'directory', path: shop.folderAt('folder'), code: 'usage', says: /directory/ },
    { title: 'socket', path: shop.path('socket'), code: 'not-a-device', says: /socket/ },
    { title: 'fifo', path: shop.path('fifo'), code: 'not-a-device', says: /fifo/ },
    { title: 'character device', path: '/dev/zero', code: 'not-a-device', says: /character device/ },
    { title: 'empty file', path: file('empty', 0), code: 'too-small', says: /empty/ },
    { title: '100 bytes', path: file('hundred', 100), code: 'too-small', says: /100 bytes/ },
    { title: 'odd size', path: file('odd', (1 << 20) + 1), code: 'not-a-device', says: /multiple of 512/ },
    { title: 'zeros', path: file('zeros', 1 << 20), code: 'not-dmremap3', says: /not a DMREMAP3 spare/ },
  ];
}
