import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { MAIN_SECTORS } from '../obligations/commands.js';
import { DMREMAP, type Ended, runProgram, shell } from '../obligations/run-cli.js';
import { patient, Workshop } from '../obligations/workshop.js';
import { Authority } from '../server/certificates.js';
import { SECTOR } from '../support/format-numbers.js';
import { assert, needs, suite } from '../support/harness.js';
import { ask, files, run } from './served-set.js';

/** Where a server says that it is found: each of its sockets, systemd's too, and with TLS what a client adds. */

const test = suite('serve sockets');
const slow = patient(test);
let shop: Workshop;
test.before(() => needs('nbdinfo', 'python3'));
test.beforeEach(() => {
  shop = new Workshop();
});
test.afterEach(() => shop.cleanUp());

const SIZE = String(MAIN_SECTORS * SECTOR);

/**
 * Opens sockets as systemd does and becomes the program that gets them (sd_listen_fds(3)): folder for the ports,
 * names, where each listens (a path, @ and an abstract name, or a host), then the command.
 */
const ACTIVATE = `
import os, socket, sys
ports, names, places, command = sys.argv[1], sys.argv[2], sys.argv[3].split(':::'), sys.argv[4:]
with open(ports, 'w') as found:
    opened = []
    for place in places:
        if place[0] in '/@':
            one = socket.socket(socket.AF_UNIX)
            one.bind(place.replace('@', chr(0), 1))
        else:
            one = socket.socket(socket.AF_INET6 if ':' in place else socket.AF_INET)
            one.bind((place, 0))
            print(one.getsockname()[1], file=found)
        one.listen()
        opened.append(os.dup2(one.fileno(), 40 + len(opened)))
for index, fd in enumerate(opened):
    os.dup2(fd, 3 + index)
    os.close(fd)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(opened)), LISTEN_FDNAMES=names)
os.execvp(command[0], command)
`;

/** Runs the program with sockets by their names for systemd; the ports that were found, in their order. */
async function activated(
  args: readonly string[],
  sockets: Readonly<Record<string, string>>,
): Promise<Ended & { readonly ports: readonly string[] }> {
  const ports = shop.path('ports');
  const places = [Object.keys(sockets).join(':'), Object.values(sockets).join(':::')];
  const line = ['python3', '-c', ACTIVATE, ports, ...places, process.execPath, DMREMAP, ...args];
  const ended = await runProgram(line, { env: shop.env });
  return { ...ended, ports: readFileSync(ports, 'utf8').trim().split('\n') };
}

slow('sockets of systemd are told by what they are bound to', async () => {
  const { spare, main } = files(shop);
  const [path, control] = [shop.path('its own.nbd'), shop.path('its own.ctl')];
  const command = 'nbdinfo --size "$uri" >&2';
  const ended = await activated(['serve', spare, '--main', main, '--run', command], {
    nbd: path,
    more: '127.0.0.1',
    last: '::1',
    control,
  });
  assert.is(ended.code, 0, ended.stderr);
  const [port4, port6] = ended.ports;
  assert.equal(ended.stdout.split('\n'), [
    `nbd+unix:///?socket=${path.replaceAll(' ', '%20')}`,
    `nbd://127.0.0.1:${port4}/`,
    `nbd://[::1]:${port6}/`,
    '',
  ]);
  const lines = ended.stderr.split('\n');
  for (const wanted of [
    `attach:  nbd-client -unix '${path}' /dev/nbd0`,
    `attach:  nbd-client 127.0.0.1 ${port4} /dev/nbd0`,
    `attach:  nbd-client ::1 ${port6} /dev/nbd0`,
    `stop:    dmremap ctl stop --control '${control}'`,
    SIZE,
  ])
    assert.ok(lines.includes(wanted), `${wanted}\n${ended.stderr}`);
});

slow(
  'a socket of systemd that others can reach is refused without TLS, and one for messages always',
  async () => {
    const { spare, main } = files(shop);
    const open = '0.0.0.0';
    const line = ['serve', spare, '--main', main, '--run', 'true'];
    const refused = await activated(line, { nbd: open });
    assert.is(refused.code, 16, refused.stderr);
    assert.match(refused.stderr, '0.0.0.0 is no loopback address');
    const keys = shop.path('keys');
    writeFileSync(keys, 'anna:00ff\n');
    const psk = ['--tls-psk', keys];
    const control = { nbd: shop.path('x.nbd'), control: open };
    assert.is((await activated([...line, ...psk], control)).code, 16);
    const own = ['--control', shop.path('own.ctl')];
    assert.is((await activated([...line, ...own, ...psk], { nbd: open })).code, 0);
    assert.is((await activated([...line, ...own, '--insecure'], { nbd: open })).code, 0);
  },
);

slow('--detach does not leave systemd’s sockets behind', async () => {
  const { spare, main } = files(shop);
  const ended = await activated(['serve', spare, '--main', main, '--detach'], {
    nbd: shop.path('d.nbd'),
  });
  assert.is(ended.code, 16, ended.stderr);
  assert.match(ended.stderr, '--detach: the sockets of systemd are for this process alone');
});

slow('with --unix and --port both addresses are told', async () => {
  const { spare, main } = files(shop);
  const [socket, control] = [shop.path('both.nbd'), shop.path('both.ctl')];
  const places = ['--unix', socket, '--port', '0', '--control', control];
  for (const more of [['--detach'], ['--detach', '--json']]) {
    const ended = await shop.run(['serve', spare, '--main', main, ...places, ...more]);
    assert.is(ended.code, 0, ended.stderr);
    const isJson = more.includes('--json');
    const uris: string[] = isJson ? JSON.parse(ended.stdout).uris : ended.stdout.trim().split('\n');
    assert.is(uris.length, 2);
    assert.is(uris[0], `nbd+unix:///?socket=${socket}`);
    if (isJson) assert.is(JSON.parse(ended.stdout).uri, uris[0]);
    for (const uri of uris) assert.is((await run('nbdinfo', '--size', uri)).trim(), SIZE);
    assert.match(ended.stderr, `nbd-client -unix ${socket} /dev/nbd0\nattach:  nbd-client 127.0.0.1 `);
    assert.is(await ask(control, 'stop'), 'ok');
    while (existsSync(socket)) await delay(20);
  }
});

/** The commands that stand behind `tls:`, one for each address. */
function told(stderr: string): string[] {
  return stderr.split('\n').flatMap((line) => (line.startsWith('tls:     ') ? [line.slice(9)] : []));
}

slow('with TLS a client finds what it has to add', async () => {
  needs('openssl');
  const { spare, main } = files(shop);
  const authority = new Authority(shop, 'ours');
  const [server, client] = [authority.folder('server'), authority.folder('client')];
  const [socket, control, keys] = [shop.path('tls.nbd'), shop.path('tls.ctl'), shop.path('keys')];
  writeFileSync(keys, 'anna:00112233445566778899aabbccddeeff\n');
  const places = ['--unix', socket, '--port', '0', '--control', control, '--detach'];
  for (const [flags, fill] of [
    [['--tls-certificates', server], (uri: string) => uri.replace('DIR', client)],
    [['--tls-psk', keys], (uri: string) => uri.replace('NAME', 'anna').replace('FILE', keys)],
  ] as const) {
    const { code, stderr } = await shop.run(['serve', spare, '--main', main, ...places, ...flags]);
    assert.is(code, 0, stderr);
    const commands = told(stderr);
    assert.is(commands.length, 2, stderr);
    for (const command of commands) {
      const { stdout } = await shell(`${fill(command)} --json`);
      assert.is(String(JSON.parse(stdout).exports[0]['export-size']), SIZE);
    }
    assert.is(stderr.includes('attach:'), flags[0] === '--tls-certificates', 'nbd-client knows no keys');
    assert.is(await ask(control, 'stop'), 'ok');
    while (existsSync(socket)) await delay(20);
  }
});
