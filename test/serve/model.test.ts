import fc from 'fast-check';
import { DmremapError } from '../../src/errors.js';
import { RequestFailed } from '../../src/serve/served-device.js';
import { bytes, sectors } from '../../src/units.js';
import { assert, suite } from '../support/harness.js';
import { judge } from '../support/reader.js';
import { remapped, SECTOR, type Stand, type StandSpec, stand } from './stand.js';

/** The remapped device against a shadow copy, on a main and a spare that fail here and there. */

const test = suite('remap device against a shadow');

const SECTORS = 128;
const SIZE = SECTORS * SECTOR;

type Command =
  | { readonly kind: 'read' | 'write' | 'zero' | 'trim'; readonly at: number; readonly length: number }
  | { readonly kind: 'flush' }
  | { readonly kind: 'remap' | 'unremap'; readonly sector: number }
  | {
      readonly kind: 'break';
      readonly sector: number;
      readonly count: number;
      readonly on: 'read' | 'write' | 'both';
      readonly times: number;
    }
  /** The spare takes no more writes where this sector lives, or where some new one would. */
  | { readonly kind: 'spoil'; readonly sector: number; readonly count: number; readonly times: number }
  | { readonly kind: 'heal' };

const sector = fc.nat(SECTORS - 1);
const span = fc
  .record({ at: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: 6000 }), whole: fc.boolean() })
  .map(({ at, length, whole }) => {
    if (!whole) return { at, length: Math.min(length, SIZE - at) };
    const from = at - (at % SECTOR);
    return { at: from, length: Math.min(Math.ceil(length / SECTOR) * SECTOR, SIZE - from) };
  });

const asking: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('read' as const), span }).map(flat) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constantFrom('write' as const), span }).map(flat) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('zero' as const, 'trim' as const), span }).map(flat),
  },
  { weight: 1, arbitrary: fc.constant<Command>({ kind: 'flush' }) },
);

const happening: fc.Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: asking },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('remap' as const, 'unremap' as const), sector }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('break' as const),
      sector,
      count: fc.integer({ min: 1, max: 10 }),
      on: fc.constantFrom('read' as const, 'write' as const, 'both' as const),
      times: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('spoil' as const),
      sector,
      count: fc.integer({ min: 1, max: 5 }),
      times: fc.constantFrom(1, 2, Number.POSITIVE_INFINITY),
    }),
  },
  { weight: 1, arbitrary: fc.constant<Command>({ kind: 'heal' }) },
);

function flat<Kind extends string, Span>({ kind, span: where }: { kind: Kind; span: Span }) {
  return { kind, ...where };
}

function forgive(error: unknown): void {
  if (!(error instanceof DmremapError)) throw error;
}

function forgiveRequest(error: unknown): void {
  if (!(error instanceof RequestFailed)) throw error;
}

class Shadow {
  readonly stand: Stand;
  readonly bytes: Uint8Array;
  /** Of which sectors nobody can say what they hold. */
  readonly vague = new Set<number>();
  /** Which sectors of main may fail to be read. */
  readonly bad = new Set<number>();
  #stamp = 0;

  constructor(of: Stand) {
    this.stand = of;
    this.bytes = remapped(of);
  }

  async run(command: Command): Promise<void> {
    const { set, main, spare } = this.stand;
    switch (command.kind) {
      case 'read':
        return this.#read(command.at, command.length);
      case 'write': {
        const data = new Uint8Array(command.length).map((_, index) => (index * 7 + this.#stamp) % 251);
        this.#stamp++;
        this.bytes.set(data, command.at);
        return this.#settle(command, set.device.write(bytes(command.at), data, this.#stamp % 5 === 0));
      }
      case 'zero': {
        this.bytes.fill(0, command.at, command.at + command.length);
        const options = { fua: false, mayPunch: true, fast: false };
        return this.#settle(command, set.device.writeZeroes(bytes(command.at), command.length, options));
      }
      case 'trim':
        this.#mark(command, true);
        return set.device.trim(bytes(command.at), command.length, false);
      case 'flush':
        return set.device.flush().catch(forgiveRequest);
      case 'remap':
        return set.remap(sectors(command.sector)).catch(forgive);
      case 'unremap': {
        const moved = Array.from({ length: SECTORS }, (_, at) => sectors((at + command.sector) % SECTORS));
        const first = moved.find((at) => set.lookup(at).spare !== undefined);
        return first === undefined ? undefined : set.unremap(first).catch(forgive);
      }
      case 'break':
        if (command.on !== 'write')
          for (let index = 0; index < command.count; index++) this.bad.add(command.sector + index);
        return main.addFault(command);
      case 'spoil': {
        const { data_start, data_sectors } = set.facts.header;
        const place = set.lookup(sectors(command.sector)).spare ?? Number(data_start) + (command.sector % 16);
        const count = Math.min(command.count, Number(data_start + data_sectors) - place);
        return spare.addFault({ sector: place, count, on: 'write', times: command.times });
      }
      case 'heal':
        spare.clearFaults();
        return main.clearFaults();
    }
  }

  async #read(at: number, length: number): Promise<void> {
    const wanted = this.bytes.slice(at, at + length);
    const vague = new Set(this.vague);
    const into = new Uint8Array(length).fill(0xee);
    const lacks = await this.stand.set.device.read(bytes(at), into);
    const lacking = new Uint8Array(length);
    for (const lack of lacks) {
      lacking.fill(1, lack.at, lack.at + lack.length);
      assert.is(lack.errno, 'EIO');
    }
    for (let index = 0; index < length; index++) {
      const number = Math.floor((at + index) / SECTOR);
      if (lacking[index] === 1) {
        assert.ok(
          this.bad.has(number) || this.vague.has(number),
          `sector ${number} is lacking without a reason`,
        );
        assert.is(into[index], 0);
      } else if (!vague.has(number) && !this.vague.has(number))
        assert.is(into[index], wanted[index], `byte ${index % SECTOR} of sector ${number}`);
    }
  }

  /** What was written is certain once it was answered, unless only a part of the sector was. */
  async #settle(range: { at: number; length: number }, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      this.#mark(range, true);
      return;
    }
    this.#mark(range, false);
  }

  #mark({ at, length }: { at: number; length: number }, vague: boolean): void {
    for (let number = Math.floor(at / SECTOR); number * SECTOR < at + length; number++) {
      const isWhole = number * SECTOR >= at && (number + 1) * SECTOR <= at + length;
      if (vague) this.vague.add(number);
      else if (isWhole) this.vague.delete(number);
    }
  }

  /** What lies on the two media when all is said and done. */
  async finish(): Promise<void> {
    this.stand.main.clearFaults();
    this.stand.spare.clearFaults();
    await this.stand.set.close();
    const verdict = judge(Buffer.from(this.stand.spareMedium.content));
    assert.equal([verdict.n, verdict.why], [0, []]);
    const found = remapped(this.stand);
    for (let number = 0; number < SECTORS; number++) {
      if (this.vague.has(number)) continue;
      const [from, end] = [number * SECTOR, (number + 1) * SECTOR];
      assert.ok(
        Buffer.compare(found.subarray(from, end), this.bytes.subarray(from, end)) === 0,
        `sector ${number}`,
      );
    }
  }
}

const SPECS: readonly StandSpec[] = [
  { remap: 'write' },
  { remap: 'salvage' },
  { remap: 'off' },
  { remap: 'write', physicalBlockSize: 4096 },
  { remap: 'salvage', physicalBlockSize: 4096, maxEntries: 9 },
  {
    remap: 'write',
    maxEntries: 5,
    entries: [
      [3, 40],
      [90, 41],
      [91, 50],
    ],
  },
];

for (const spec of SPECS) {
  test(`one request after the other, ${JSON.stringify(spec)}`, async () => {
    const property = fc.asyncProperty(
      fc.array(happening, { maxLength: 40 }),
      fc.nat(),
      async (commands, seed) => {
        const shadow = new Shadow(await stand({ ...spec, seed, mainSectors: SECTORS }));
        for (const command of commands) await shadow.run(command);
        await shadow.finish();
      },
    );
    await fc.assert(property, { numRuns: 60 });
  });
}

test('many requests at a time take effect in the order in which they came', async () => {
  const property = fc.asyncProperty(
    fc.array(fc.record({ sector, count: fc.integer({ min: 1, max: 20 }) }), { maxLength: 5 }),
    fc.array(fc.record({ sector, count: fc.integer({ min: 1, max: 3 }) }), { maxLength: 4 }),
    fc.array(asking, { maxLength: 40 }),
    fc.nat(),
    async (broken, spoilt, commands, seed) => {
      const entries = Array.from({ length: 10 }, (_, index) => [index * 11, 100 + index] as const);
      const shadow = new Shadow(await stand({ seed, mainSectors: SECTORS, entries }));
      for (const fault of spoilt) await shadow.run({ kind: 'spoil', times: 2 ** 40, ...fault });
      // main takes no write there: every sector that is written moves while others ask for it
      for (const fault of broken) await shadow.run({ kind: 'break', on: 'write', times: 2 ** 40, ...fault });
      await Promise.all(commands.map((command) => shadow.run(command)));
      await shadow.finish();
    },
  );
  await fc.assert(property, { numRuns: 300 });
});
