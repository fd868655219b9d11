import { Scratch } from '../device/scratch.js';
import { assert, needs, suite } from '../support/harness.js';
import { Served, type ServedSettings } from './served.js';

/** Options and errors, as libnbd understands the answers. */

const test = suite('server nbdsh');

let scratch: Scratch;
test.before(() => {
  needs('nbdsh');
  scratch = new Scratch();
});
test.after(() => scratch.cleanUp());

/** Runs Python lines, each of which prints something, against a server; what they printed. */
async function shell(settings: ServedSettings, ...lines: readonly string[]): Promise<string[]> {
  const served = await Served.start(scratch, { size: 1 << 20, ...settings });
  const script = [
    'import errno',
    'def attempt(work):',
    '  try:',
    '    work()',
    '    print("ok")',
    '  except nbd.Error as error:',
    '    print(error.errno)',
    'h.set_strict_mode(0)',
    ...lines,
  ].join('\n');
  // the interpreter for which the distribution installs libnbd's module
  const env = { PATH: '/usr/bin:/bin' };
  try {
    const { code, stdout, stderr } = await served.tried(['nbdsh', '-c', script], { env });
    assert.is(code, 0, stderr);
    return stdout.trim().split('\n');
  } finally {
    await served.stop();
  }
}

const connect = 'h.connect_uri("URI")';

const attempt = (work: string) => `attempt(lambda: ${work})`;

test('requests past the end, too long or unknown: the error that the protocol names', async () => {
  const found = await shell(
    {},
    connect,
    attempt('h.pread(512, 1 << 20)'),
    attempt('h.pread(2, (1 << 20) - 1)'),
    attempt('h.pwrite(b"xx", (1 << 20) - 1)'),
    attempt('h.trim(2, (1 << 20) - 1)'),
    attempt('h.zero(2, (1 << 20) - 1)'),
    attempt('h.cache(2, (1 << 20) - 1)'),
    attempt('h.zero(512, 0, nbd.CMD_FLAG_FAST_ZERO)'),
    attempt('h.pwrite(b"xx", 0, nbd.CMD_FLAG_DF)'),
    attempt('h.pread(1, 0)'),
    attempt('h.pwrite(b"xx", 1, nbd.CMD_FLAG_FUA)'),
    attempt('h.flush()'),
    attempt('h.trim(1 << 20, 0)'),
  );
  const refused = ['EINVAL', 'EINVAL', 'ENOSPC', 'EINVAL', 'ENOSPC', 'EINVAL', 'ENOTSUP', 'EINVAL'];
  assert.equal(found, [...refused, 'ok', 'ok', 'ok', 'ok']);
});

test('a read-only export may be read, and nothing else', async () => {
  const found = await shell(
    { faults: { readOnly: true } },
    connect,
    'print(h.is_read_only(), h.can_trim(), h.can_zero())',
    attempt('h.pwrite(b"xx", 0)'),
    attempt('h.trim(1, 0)'),
    attempt('h.zero(1, 0)'),
    attempt('h.flush()'),
    attempt('h.pread(512, 0)'),
  );
  assert.equal(found, ['True False False', 'EPERM', 'EPERM', 'EPERM', 'ok', 'ok']);
});

test('a client chooses among options in any order, and goes on after one was refused', async () => {
  const found = await shell(
    {},
    'h.set_opt_mode(True)',
    'h.set_export_name("nobody")',
    connect.replace('"URI"', '"URI".replace("/disk?", "/?")'),
    'names = []',
    'h.opt_list(lambda name, description: names.append((name, description)))',
    'print(names)',
    'h.set_export_name("nobody")',
    attempt('h.opt_info()'),
    attempt('h.opt_go()'),
    'h.set_export_name("disk")',
    'h.set_full_info(True)',
    'h.opt_info()',
    'print(h.get_size(), h.get_canonical_export_name(), h.get_export_description())',
    'h.add_meta_context("base:allocation")',
    'h.add_meta_context("x-dmremap:sectors")',
    'h.add_meta_context("x-other:what")',
    'h.opt_go()',
    'print(h.can_meta_context("x-dmremap:sectors"), h.can_meta_context("x-other:what"))',
    attempt('h.pread(512, 0)'),
  );
  assert.equal(found, [
    "[('disk', 'a disk')]",
    'ENOENT',
    'ENOENT',
    '1048576 disk a disk',
    'True False',
    'ok',
  ]);
});

test('a handshake is given up in order', async () => {
  const found = await shell(
    {},
    'h.set_opt_mode(True)',
    connect,
    'h.opt_abort()',
    'print(h.aio_is_closed() or h.aio_is_dead())',
  );
  assert.equal(found, ['True']);
});

test('what cannot be read is named to the byte, and what lies around it is given', async () => {
  const faults = { unreadable: new Set([3, 9]) };
  const found = await shell(
    { faults },
    connect,
    'chunks = []',
    'def seen(data, offset, status, error):',
    '  is_data = status == nbd.READ_DATA',
    '  chunks.append((offset, len(data) if is_data else 0, 0 if is_data else error.value))',
    attempt('h.pread_structured(6144, 0, seen)'),
    'for chunk in sorted(chunks): print(*chunk)',
    'chunks = []',
    attempt('h.pread_structured(10, 1530, seen)'),
    'for chunk in sorted(chunks): print(*chunk)',
    attempt('h.pread(512, 512)'),
  );
  assert.equal(found, [
    'EIO',
    '0 1536 0',
    '1536 0 5',
    '2048 2560 0',
    '4608 0 5',
    '5120 1024 0',
    'EIO',
    '1530 6 0',
    '1536 0 5',
    'ok',
  ]);
});

test('what cannot be written is an error, and its real name stands in the log', async () => {
  const unwritable = new Map([
    [3, 'EIO'],
    [4, 'EDQUOT'],
    [5, 'ENODEV'],
  ]);
  const served = await Served.start(scratch, { faults: { unwritable } });
  const script = [3, 4, 5, 6]
    .map(
      (sector) =>
        `try:\n  h.pwrite(bytes(512), ${sector * 512})\n  print("ok")\nexcept nbd.Error as e: print(e.errno)`,
    )
    .join('\n');
  const env = { PATH: '/usr/bin:/bin' };
  const { stdout } = await served.tried(['nbdsh', '-u', 'URI', '-c', script], { env });
  await served.stop();
  assert.equal(stdout.trim().split('\n'), ['EIO', 'ENOSPC', 'EIO', 'ok']);
  assert.equal(
    served.events.filter((event) => event.includes('command')),
    [
      '1 command 1 1536+512 EIO sector 3 cannot be written',
      '1 command 1 2048+512 EDQUOT sector 4 cannot be written',
      '1 command 1 2560+512 ENODEV sector 5 cannot be written',
    ],
  );
});

test('replies come in the order in which they are ready, on one connection', async () => {
  let release: (() => void) | undefined;
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const wait = (at: number) => (at === 512 ? held : undefined);
  const started = Served.start(scratch, { size: 1 << 20, faults: { wait } });
  const served = await started;
  const script = [
    'order = []',
    'def done(name):',
    '  return lambda error: order.append(name) or 1',
    'slow = h.aio_pread(nbd.Buffer(512), 512, done("slow"))',
    'for n in range(40): h.aio_pread(nbd.Buffer(512), 1024, done("quick"))',
    'while len(order) < 40: h.poll(-1)',
    'print(set(order), h.aio_in_flight(), flush=True)',
    'while len(order) < 41: h.poll(-1)',
    'print(order[-1])',
  ].join('\n');
  const env = { PATH: '/usr/bin:/bin' };
  const timer = setTimeout(() => release?.(), 1500);
  const { stdout, stderr } = await served.tried(['nbdsh', '-u', 'URI', '-c', script], { env });
  clearTimeout(timer);
  await served.stop();
  assert.equal(stdout.trim().split('\n'), ["{'quick'} 1", 'slow'], stderr);
});
