/** One real document of every kind that --json prints: all that a schema describes comes up in one of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ControlServer } from '../../src/control/server.js';
import { decodeHead, HEAD_SIZE, isRefusal, sectorInState, UNDO_STATE } from '../../src/undo/format.js';
import { MovingRecorder } from '../control/recorder.js';
import { endPlace, patchSealed } from '../support/build-image.js';
import { fixture } from '../support/fixtures.js';
import { healthyImage, readingLines, type Things } from './commands.js';
import { dmremap } from './run-cli.js';
import { type Document, documentOf } from './schemas.js';
import type { Workshop } from './workshop.js';

const GOLDEN = ['dup-main', 'flip-each', 'plain-some', 'role-retired', 'version-2', 'zeroed-backup'] as const;

/** Holds a lock on $0 until it is ended. */
const HOLD = 'exec 9<"$0"; flock 9; echo ready; exec sleep 1000';

type Run = (...line: readonly string[]) => Promise<Document>;

/** Runs every command in every way that gives a document of its own. */
export async function everyDocument(shop: Workshop): Promise<Document[]> {
  const documents: Document[] = [];
  const run: Run = async (...line) => {
    const json = line.includes('--json') ? line : [...line, '--json'];
    const document = documentOf(await shop.run(json), line[0] ?? '');
    documents.push(document);
    return document;
  };
  const things = await shop.healthy();
  const { spare, main } = things;
  const golden = GOLDEN.map((name) => shop.put(`${name}.img`, fixture(name)));

  for (const line of readingLines(things))
    if (!line.includes('--format') || line.includes('remap')) await run(...line);
  for (const path of golden) await run('info', path);
  await run('check', ...golden, spare, shop.path('missing'));
  await run('lookup', golden[1] ?? '', '7');
  await run('lookup', spare, '7', '--files', '--main', main);
  for (const path of [golden[0], golden[1]]) await run('map', path ?? '');
  await run('map', spare, '--svg', shop.path('map.svg'));
  await run('table', golden[1] ?? '', '--main', main);
  const named = shop.put('named.img', healthyImage({ main_id: 'wwn:0x5000c500a1b2c3d4' }));
  for (const [path, format] of [
    [named, 'systemd'],
    [named, 'dracut'],
    [golden[1] ?? '', 'dracut'],
  ] as const)
    await run('unit', path, '--for', 'nbd', '--format', format);
  for (const path of [spare, golden[1] ?? '']) await run('status', path);
  await run('dump', spare, '-o', shop.path('out.json'));
  await run('dump', golden[1] ?? '', '-o', shop.path('out.csv'), '--format', 'csv');
  await run('dump', shop.put('reserved.img', reservedImage()));
  await run('scan', ...golden, shop.path('missing'));
  await run('scan', '--deep', shop.put('stray.img', strayImage()));
  await run('selftest', '--crash', '--image', spare, '--states', '4');
  for (const topic of [[], ['format'], ['copy-stale']]) await run('explain', ...topic);

  const blank = shop.sparse('blank.img', 1 << 20);
  await run('create', blank, '--main', main, '--yes', '--dry-run');
  await run('create', blank, '--main', main, '--yes');
  await run('create', shop.sparse('plain.img', 1 << 20), '--main-size', '1G', '--layout', 'plain', '--yes');
  await run('restore', spare, '--input', things.dump, '--yes');
  const emptied = shop.put('emptied.img', emptiedImage());
  const guess = ['restore', emptied, '--input', things.dump, '--yes'];
  for (const more of [[], ['--accept-guess']]) await run(...guess, ...more);
  const relaid = shop.put('relaid.img', healthyImage());
  await run('convert', relaid, '--layout', 'plain', '--yes');
  for (const entries of ['4', '600']) await run('resize', relaid, '--entries', entries, '--yes');
  await remaps(shop, things, run);
  await run('convert', relaid, '--layout', 'module', '--yes');
  for (const command of ['check', 'info']) await run(command, relaid);
  const ofModule = ['--layout', 'module', '--main-size', '8M', '--yes'];
  await run('create', shop.sparse('module.img', 1 << 20), ...ofModule);
  await migrations(shop, run);
  await repairs(shop, run);
  await serves(shop, things, run);
  await run('wipe', blank, '--yes');
  for (const more of [['--list'], ['--yes', '--dry-run'], ['--yes']]) await run('undo', blank, ...more);

  // failures, each with facts of its own
  await run('info', shop.path('missing'));
  await run('create', spare, '--main', main, '--yes');
  await run('create', blank, '--main', main, '--entries', '100000', '--yes');
  await run('create', blank, '--main', main);
  await run('restore', spare, '--input', things.dump, '--yes');
  await run('restore', blank, '--input', things.dump, '--yes');
  await run('table', spare, '--main', blank);
  await run('table', golden[3] ?? '', '--main', blank);
  await run('lookup', golden[4] ?? '', '7');
  await run('check', 'SET=00000000-0000-4000-8000-000000000000');
  await run('wipe', spare, '--yes', '--undo-file', '/proc/no/where');
  await run('undo', golden[0] ?? '', '--yes');
  await run('dump', spare, '--copy', 'backup', '-o', spare);
  await run('info', spare, '--no-such-flag');
  const { stop } = await shop.start('bash', '-c', HOLD, spare);
  await run('wipe', spare, '--yes', '--discard-remaps', '5');
  await stop();
  documents.push(documentOf(await dmremap(['--version', '--json']), 'dmremap'));
  documents.push(documentOf(await dmremap(['no-such-command', '--json']), 'dmremap'));
  return documents;
}

async function serves(shop: Workshop, things: Things, run: Run): Promise<void> {
  const { control } = things;
  for (const message of ['ping', 'stop']) await run('ctl', message, '--control', control);
  await run('status', '--control', control);
  const moving = new ControlServer(new MovingRecorder());
  await moving.listen({ kind: 'unix', path: shop.path('moving.ctl') });
  await run('status', '--control', shop.path('moving.ctl'));
  await moving.stop();
  const sockets = ['--unix', shop.path('served.nbd'), '--control', shop.path('served.ctl')];
  await run(
    'serve',
    shop.put('served.img', healthyImage()),
    '--main',
    things.main,
    ...sockets,
    '--run',
    'true',
  );
  await run('serve', shop.put('twice.img', fixture('dup-main')), ...sockets);
  const background = ['--detach', '--main', shop.path('missing')];
  await run('serve', shop.put('detached.img', healthyImage()), ...sockets, ...background);
}

async function migrations(shop: Workshop, run: Run): Promise<void> {
  const [from, to] = [shop.put('from.img', healthyImage()), shop.sparse('to.img', 1 << 20)];
  await run('migrate', from, to, '--yes', '--dry-run');
  for (const more of [[], ['--resume'], ['--rollback'], []]) await run('migrate', from, to, ...more, '--yes');
  await run('migrate', from, shop.sparse('small.img', 1 << 14), '--yes');
}

/** Every end that a repair can have. */
async function repairs(shop: Workshop, run: Run): Promise<void> {
  const put = (name: string) => shop.put(`${name}-repaired.img`, fixture(name));
  const [twice, flipped, differing] = [put('dup-main'), put('flip-each'), put('same-generation-differs')];
  const undecided = await run('repair', twice, '--yes');
  await run('repair', differing, '--yes');
  await run('repair', shop.put('whole.img', healthyImage()), '--yes');
  const [question] = Object.values(undecided['undecided'] ?? {}).filter((value) => /@/.test(String(value)));
  const decided = ['repair', twice, '--answer', `${question}=drop`, '--yes'];
  const plan = shop.path('plan.json');
  await run(...decided, '--plan', plan);
  await run('repair', twice, '--apply', plan, '--yes');
  await run('repair', flipped, '--yes');
  await run('repair', await wipedHalfway(shop), '--yes');
}

/** A plain image whose wipe, for all that its undo file knows, has not ended. */
async function wipedHalfway(shop: Workshop): Promise<string> {
  const spare = shop.put('halfway.img', fixture('plain-some'));
  const undo = join(shop.state, 'halfway.undo');
  await shop.run(['wipe', spare, '--discard-remaps', '600', '--undo-file', undo, '--yes']);
  const file = readFileSync(undo);
  const head = decodeHead(file.subarray(0, HEAD_SIZE));
  if (isRefusal(head)) throw new Error(head.message);
  file.set(sectorInState(head, UNDO_STATE.unfinished));
  writeFileSync(undo, file);
  return spare;
}

/** Reserved bytes that are not zero are a part of the dump. */
function reservedImage(): Buffer {
  return healthyImage({ reserved_front: Buffer.from([0, 1, 2]), reserved_back: Buffer.from('back') });
}

/** A set whose primary is gone and whose device has grown: only a deep search finds its backup. */
function strayImage(): Buffer {
  return Buffer.concat([healthyImage().fill(0, 0, 4096), Buffer.alloc(1 << 20)]);
}

/** The healthy spare before it had any entry. */
function emptiedImage(): Buffer {
  const image = healthyImage();
  for (const copy of ['primary', endPlace(image)] as const) patchSealed(image, copy, 'entry_count', 0);
  return image;
}

async function remaps(shop: Workshop, { main }: Things, run: Run): Promise<void> {
  const spare = shop.put('remapped.img', healthyImage());
  const log = shop.put(
    'log',
    Buffer.from('I/O error, dev sda, sector 9\ntimeout error, dev sda, sector 1\n'),
  );
  await run('remap', spare, '--main', main, '--kernel-log', log, '--log-device', 'sda', '--yes');
  await run('remap', spare, '--main', main, '20-29', '--yes');
  await run('remap', spare, '--main', main, '100-600', '--yes');
  await run('remap', spare, '--main', main, '--badblocks', log, '--yes');
  await run('unremap', spare, '--main', main, '20-30', '--yes');
  await run('rebind', spare, '--main', main, '--yes');
}
