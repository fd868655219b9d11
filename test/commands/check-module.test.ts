import { readFileSync } from 'node:fs';
import { fsck } from '../obligations/run-cli.js';
import { documentOf } from '../obligations/schemas.js';
import { Workshop } from '../obligations/workshop.js';
import { fixture, fixtureNames } from '../support/fixtures.js';
import { assert, suite } from '../support/harness.js';

/** What the kernel module itself wrote (format.md section 7) is named as such, explained, and never written. */

const test = suite('check on images of the kernel module');
const shop = new Workshop();
test.after(() => shop.cleanUp());

interface Told {
  /** Of check in every mode. */
  readonly code: 0 | 4;
  readonly heading: string;
  /** Ids in the order in which they are told. */
  readonly ids: readonly string[];
}

const CANNOT = 'a spare of the dm-remap v3 kernel module, which cannot read it problem';
const PROVEN =
  'a spare of the dm-remap v3 kernel module, which cannot read it; what it holds is proven problem';
const READS = 'a spare of the dm-remap v3 kernel module, which reads it note';

const TOLD: Readonly<Record<string, Told>> = {
  accepted: { code: 0, heading: READS, ids: ['note module-accepted', 'note module-unaligned'] },
  adopted: {
    code: 4,
    heading: CANNOT,
    ids: ['problem module-image', 'problem module-first-entry-lost', 'note module-unaligned'],
  },
  scratch: {
    code: 4,
    heading: PROVEN,
    ids: ['problem module-image', 'problem module-first-entry-proven', 'note module-unaligned'],
  },
  nomagic: {
    code: 4,
    heading: PROVEN,
    ids: ['problem module-image', 'problem module-first-entry-proven', 'note module-unaligned'],
  },
  'nvme-torn': {
    code: 4,
    heading: CANNOT,
    ids: ['problem module-image', 'problem module-torn', 'note module-unaligned'],
  },
  over252: {
    code: 4,
    heading: CANNOT,
    ids: [
      'problem module-image',
      'problem module-first-entry-lost',
      'note module-unaligned',
      'note module-full',
    ],
  },
  'gap-before': {
    code: 4,
    heading: READS,
    ids: ['note module-accepted', 'problem module-gap', 'note module-unaligned', 'problem spare-in-metadata'],
  },
};

const spares = fixtureNames().filter((name) => name.startsWith('module/') && name.endsWith('.spare'));

test('every image has an expectation', () => {
  const names = spares.map((name) => name.replace(/^module\/v3-(.*)\.spare$/, '$1'));
  assert.equal(names.sort(), Object.keys(TOLD).sort());
});

for (const [name, { code, heading, ids }] of Object.entries(TOLD)) {
  test(name, async () => {
    const before = fixture(`module/v3-${name}.spare`);
    const path = shop.put('module.img', before);
    // without a magic nothing but the operator's word tells that it ever was a spare
    const word = name === 'nomagic' ? ['--module'] : [];
    for (const mode of ['-n', '-p', '-y']) {
      for (const ended of [
        await shop.run(['check', mode, ...word, path]),
        await fsck([mode, ...word, path], { env: shop.env }),
      ]) {
        assert.is(ended.code, code, `${mode}: ${ended.stdout}${ended.stderr}`);
        assert.match(ended.stdout.replaceAll(/\s+/g, ' '), heading);
        assert.equal(
          [...ended.stdout.matchAll(/^ {2}((?:note|problem) \S+)$/gm)].map(([, one]) => one),
          ids,
        );
        assert.equal(readFileSync(path), before, mode);
      }
    }
    const info = await shop.run(['info', ...word, path]);
    assert.is(info.code, code);
    assert.match(info.stdout, /layout +module: one copy/);
    assert.not.match(info.stdout, 'backup at byte', 'the module writes no backup');
    assert.not.match(info.stdout, 'checksum stored', 'by its own rules its checksum is another one');
  });
}

test('scratch and nomagic give back the first main sector', async () => {
  for (const name of ['scratch', 'nomagic']) {
    const path = shop.put('proven.img', fixture(`module/v3-${name}.spare`));
    const { stdout } = await shop.run(['check', '--module', path]);
    assert.match(stdout, /Entry 0 names main sector 0, but the checksum was made with 12345\./);
    assert.match(stdout, /entry 0: main sector 12345 -> spare sector 64/);
  }
});

test('with --main, remaps that 4 KiB requests never reached are compared', async () => {
  const spare = fixture('module/v3-accepted.spare');
  const main = fixture('module/v3-adopted.main');
  // of 777 the spare holds what main holds; of 12345 it holds nothing
  main.copy(spare, 65 * 512, 777 * 512, 778 * 512);
  const paths = [shop.put('compared.img', spare), shop.put('main.img', main)] as const;
  const { code, stdout } = await shop.run(['check', paths[0], '--main', paths[1]]);
  assert.is(code, 0, stdout);
  const said = stdout.replaceAll(/\s+/g, ' ');
  assert.match(said, 'main and spare hold the same (entry 1)');
  assert.match(said, 'main looks newer: the spare sector is empty or cannot be read (entry 0)');
  assert.equal(readFileSync(paths[0]), spare);
  assert.equal(readFileSync(paths[1]), main);
});

test('scan --deep finds what has no magic, and what to type works', async () => {
  const bare = shop.put('bare.img', fixture('module/v3-nomagic.spare'));
  const accepted = shop.put('accepted.img', fixture('module/v3-accepted.spare'));
  const plain = await shop.run(['scan', bare, accepted]);
  assert.not.match(plain.stdout, bare);
  assert.match(plain.stdout, /3 of 252/);
  const deep = await shop.run(['scan', '--deep', bare, accepted, '--json']);
  const { loose } = documentOf(deep, 'scan') as {
    loose: { device: string; spare: { problems: string[] } }[];
  };
  assert.equal(
    loose.map(({ device }) => device),
    [bare, accepted],
  );
  assert.is(deep.code, 4);
  const told = await shop.run(['scan', '--deep', bare]);
  const [, line = ''] = /^next: dmremap (.*)$/m.exec(told.stdout) ?? [];
  assert.is((await shop.run(line.split(' '))).code, 4, line);
});

test('without --module, a spare without a magic is none, and the flag is named', async () => {
  const path = shop.put('bare.img', fixture('module/v3-nomagic.spare'));
  for (const ended of [
    await shop.run(['check', path]),
    await shop.run(['info', path]),
    await shop.run(['dump', path]),
    await fsck([path], { env: shop.env }),
  ]) {
    assert.is(ended.code, 8);
    assert.match(ended.stderr, /not a DMREMAP3 spare[\s\S]*dmremap info --module \S+\.img/);
  }
});

test('what the module left in place of our primary is overwritten by no flag', async () => {
  const image = fixture('redundant-some');
  fixture('module/v3-nomagic.spare').copy(image, 0, 0, 8128);
  const path = shop.put('overwritten.img', image);
  for (const line of [['-n'], ['-p'], ['-y'], ['-y', '--module']]) {
    const ended = await shop.run(['check', path, ...line]);
    assert.is(ended.code, 4, line.join(' '));
    assert.match(
      ended.stdout,
      /copy-foreign-signature\s+Where the primary copy belongs stands:[\s\S]*kernel\s+module/,
    );
    assert.ok(readFileSync(path).equals(image), line.join(' '));
  }
  assert.is((await fsck(['-a', path], { env: shop.env })).code, 4);
  assert.ok(readFileSync(path).equals(image));
});

test('the same with a magic', async () => {
  const image = fixture('redundant-some');
  fixture('module/v3-adopted.spare').copy(image, 0, 0, 8128);
  const path = shop.put('overwritten.img', image);
  const ended = await shop.run(['check', path]);
  assert.is(ended.code, 4);
  assert.match(
    ended.stdout,
    /no-valid-copy\s+No copy is valid. primary: metadata of the dm-remap v3 kernel\s+module/,
  );
  assert.ok(readFileSync(path).equals(image));
});

const FOUND = ['accepted', 'adopted', 'gap-before', 'nvme-torn', 'over252', 'scratch'] as const;

test('what a refused change names comes first, and is not refused itself', async () => {
  const main = shop.put('main.img', fixture('module/v3-adopted.main'));
  const target = shop.put('target.img', Buffer.alloc(8 << 20));
  for (const name of FOUND)
    for (const words of [
      ['remap', 'SPARE', '9000', '--main', main],
      ['unremap', 'SPARE', '--all', '--main', main],
      ['rebind', 'SPARE', '--main', main],
      ['resize', 'SPARE', '--entries', '300'],
      ['migrate', 'SPARE', target, '--main', main],
    ]) {
      const spare = shop.put(`${name}.img`, fixture(`module/v3-${name}.spare`));
      const line = words.map((word) => (word === 'SPARE' ? spare : word));
      const refused = await shop.run([...line, '--yes']);
      assert.is(refused.code, 8, `${name}: ${line[0]}: ${refused.stderr}`);
      // a long path stands in a line of its own
      const [, first = ''] = /^first:\s+dmremap (.*)$/m.exec(refused.stderr) ?? [];
      const ended = await shop.run([...first.split(' '), '--yes', '--dry-run']);
      assert.ok([0, 1, 4].includes(ended.code ?? 8), `${name}: ${first}: ${ended.stderr}`);
    }
});

test('where check names a conversion, it can be made, or what has to be settled first is named', async () => {
  for (const name of FOUND) {
    const spare = shop.put(`${name}.img`, fixture(`module/v3-${name}.spare`));
    const { devices } = documentOf(await shop.run(['check', spare, '--json']), 'check') as {
      devices: [{ problems: { id: string; next?: string; after?: string }[] }];
    };
    for (const { id, next = '', after } of devices[0].problems) {
      const [, line] = /^dmremap (convert .*)$/.exec(next) ?? [];
      if (line === undefined) continue;
      const ended = await shop.run([...line.split(' '), '--yes', '--dry-run']);
      assert.is(ended.code, after === undefined ? 0 : 8, `${name}: ${id}: ${ended.stderr}`);
    }
  }
});

test('a spare of which the module would drop entries is not in good health', async () => {
  const health = async (name: string) => {
    const path = shop.put('health.img', fixture(`module/v3-${name}.spare`));
    const { status } = documentOf(await shop.run(['status', path, '--json']), 'status') as {
      status: { health: number };
    };
    return status.health;
  };
  assert.is(await health('gap-before'), 2);
  assert.is(await health('accepted'), 1);
});

test('where no copy is valid, lookup and map name the way out', async () => {
  const path = shop.put('adopted.img', fixture('module/v3-adopted.spare'));
  for (const line of [
    ['lookup', path, '5'],
    ['map', path],
  ]) {
    const ended = await shop.run(line);
    assert.is(ended.code, 4);
    assert.match(ended.stderr, `: dmremap check ${path}\n`);
  }
});

test('--module says nothing about a device that looks otherwise', async () => {
  for (const [content, code] of [
    [Buffer.alloc(1 << 20), 8],
    [fixture('redundant-some'), 0],
    [fixture('torn-primary'), 4],
  ] as const) {
    const ended = await shop.run(['check', '--module', shop.put('other.img', content)]);
    assert.is(ended.code, code, ended.stdout + ended.stderr);
    assert.not.match(ended.stdout, 'module-image');
  }
});
