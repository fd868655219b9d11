import { errorFor } from '../../src/nbd/errno.js';
import { Request, RequestHead } from '../../src/nbd/request.js';
import { assert, suite } from '../support/harness.js';
import { command, error, flag } from '../support/nbd-bytes.js';

/** What the system says, in the numbers of the protocol. */

const test = suite('nbd errno');

function request(type: number, flags = 0): Request {
  const head = new RequestHead();
  head.command = type;
  head.flags = flags;
  return new Request(head, new Uint8Array(0), false);
}

test('the numbers of the protocol, whatever the system calls it', () => {
  const names: [string, number][] = [
    ['EIO', error.io],
    ['ENODATA', error.io],
    ['EREMOTEIO', error.io],
    ['EINVAL', error.io],
    ['E2BIG', error.io],
    ['ENOSPC', error.nospc],
    ['EDQUOT', error.nospc],
    ['EFBIG', error.nospc],
    ['EROFS', error.perm],
    ['EACCES', error.perm],
    ['EPERM', error.perm],
    ['ENOMEM', error.nomem],
    ['ESHUTDOWN', error.shutdown],
    ['constructor', error.io],
    ['', error.io],
  ];
  for (const [errno, wanted] of names) assert.is(errorFor(errno, request(command.write)), wanted, errno);
});

test('ENOTSUP is for those who asked for speed', () => {
  for (const errno of ['ENOTSUP', 'EOPNOTSUPP']) {
    assert.is(errorFor(errno, request(command.writeZeroes, flag.fastZero)), error.notsup);
    assert.is(errorFor(errno, request(command.writeZeroes, flag.noHole)), error.io);
    assert.is(errorFor(errno, request(command.write)), error.io);
  }
});
