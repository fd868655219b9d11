import { serveHints } from '../../../src/cli/render/serve.js';
import { assert, suite } from '../../support/harness.js';

/** What to type next where a set is served. */

const test = suite('serve hints');

const SERVED = {
  uris: ['nbd+unix:///?socket=/run/x.nbd'],
  addresses: [{ kind: 'unix', path: '/run/x.nbd' }],
  tls: undefined,
  exportName: '',
  control: { kind: 'unix', path: '/run/x.ctl' },
  metricsUrl: undefined,
  setUuid: undefined,
} as const;

for (const [isReadOnly, mount] of [
  [false, 'mount /dev/nbd0 /mnt'],
  [true, 'mount -o ro /dev/nbd0 /mnt'],
] as const)
  test(`of a set that is ${isReadOnly ? 'only read' : 'written'}`, () => {
    const lines = serveHints(
      { ...SERVED, isReadOnly },
      { color: false, unicode: false, width: 80, live: false },
    ).split('\n');
    assert.equal(lines, [
      'attach:  nbd-client -unix /run/x.nbd /dev/nbd0',
      `mount:   ${mount}`,
      'stop:    dmremap ctl stop --control /run/x.ctl',
      '',
    ]);
  });
