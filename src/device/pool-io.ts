import { fdatasync, read, write } from 'node:fs';
import { constants } from 'node:os';
import type { AsyncIo } from './async-io.js';

/**
 * Through Node's own threads, where the kernel has no ring for us. There are four of them unless
 * UV_THREADPOOL_SIZE says otherwise, so a few requests that hang delay all others.
 */
export const poolIo: AsyncIo = {
  read: (fd, into, at) => settled((done) => read(fd, into, 0, into.length, at, done)),
  write: (fd, from, at) => settled((done) => write(fd, from, 0, from.length, at, done)),
  readParts: (fd, into, parts) =>
    Promise.all(
      parts.map(({ at, from, length }) => settled((done) => read(fd, into, from, length, at, done))),
    ),
  writeParts: (fd, memory, parts) =>
    Promise.all(
      parts.map(({ at, from, length }) => settled((done) => write(fd, memory, from, length, at, done))),
    ),
  sync: (fd) => settled((done) => fdatasync(fd, done)),
  allocate: async () => -constants.errno.EOPNOTSUPP,
};

type Done = (error: NodeJS.ErrnoException | null, count?: number) => void;

function settled(start: (done: Done) => void): Promise<number> {
  return new Promise((resolve) =>
    start((error, count = 0) => resolve(error === null ? count : (error.errno ?? -constants.errno.EIO))),
  );
}
