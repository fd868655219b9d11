import { type ChildProcess, spawn } from 'node:child_process';
import { linkSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Workshop } from '../../obligations/workshop.js';
import { FailingDisk, type Trouble } from '../../serve/failing-disk.js';
import { Authority } from '../../server/certificates.js';
import { buildImage, type Layout } from '../../support/build-image.js';
import { SECTOR } from '../../support/format-numbers.js';
import { assert } from '../../support/harness.js';
import type { Random } from '../../support/random.js';
import { ask, type Server, serve } from '../served-set.js';
import { CLIENT } from './client.js';

export interface SoakedSetSpec {
  readonly name: string;
  readonly layout: Layout;
  readonly isSecure: boolean;
  /** The spare is a disk that can be pulled. */
  readonly canPull: boolean;
  readonly more: readonly string[];
  /** How clients come, one for each. */
  readonly clients: readonly ('unix' | 'tcp')[];
}

/** Sectors of main for each client. */
export const SHARE = 8192;

/** Of these the ones that may fail: they lie in the middle. */
const ZONE = 64;

/** A set on a disk that truly fails, served by a process of its own, and the clients that use it. */
export class SoakedSet {
  readonly name: string;
  readonly shop: Workshop;
  readonly disk: FailingDisk;
  readonly server: Server;
  readonly port: number;
  readonly metrics: number;
  readonly isSecure: boolean;
  readonly #spec: SoakedSetSpec;
  readonly #spareImage: string;
  readonly #credentials: string;
  #spare: FailingDisk | undefined;
  #pulls = 0;

  static async start({ ...spec }: SoakedSetSpec): Promise<SoakedSet> {
    const shop = new Workshop();
    try {
      return await SoakedSet.#startIn(shop, spec);
    } catch (error) {
      shop.cleanUp();
      throw error;
    }
  }

  static async #startIn(shop: Workshop, spec: SoakedSetSpec): Promise<SoakedSet> {
    const mainSectors = SHARE * spec.clients.length;
    const content = shop.image('content.img', mainSectors * SECTOR);
    const size = { sectors: 4096, maxEntries: 1000 };
    const image = shop.put('spare.img', buildImage({ layout: spec.layout, mainSectors, ...size }));
    const spare = spec.canPull ? await FailingDisk.start(shop, image, size.sectors * SECTOR) : undefined;
    const disk = await FailingDisk.start(shop, content, mainSectors * SECTOR);
    const authority = spec.isSecure ? new Authority(shop, 'soak') : undefined;
    const [port, metrics] = [await freePort(), await freePort()];
    const server = await serve(shop, spare?.path ?? image, disk.path, [
      ...[
        '--unix',
        shop.path('set.nbd'),
        '--port',
        String(port),
        '--metrics',
        String(metrics),
        '--log-file',
        shop.path('log'),
      ],
      ...(authority === undefined ? [] : ['--tls-certificates', authority.folder('server')]),
      ...spec.more,
    ]);
    const credentials = authority === undefined ? '' : `tls-certificates=${authority.folder('client')}`;
    return new SoakedSet(spec, shop, { disk, server, port, metrics, credentials, image, spare });
  }

  private constructor(
    spec: SoakedSetSpec,
    shop: Workshop,
    parts: {
      readonly disk: FailingDisk;
      readonly server: Server;
      readonly port: number;
      readonly metrics: number;
      readonly credentials: string;
      readonly image: string;
      readonly spare: FailingDisk | undefined;
    },
  ) {
    this.name = spec.name;
    this.isSecure = spec.isSecure;
    this.shop = shop;
    this.#spec = spec;
    this.disk = parts.disk;
    this.server = parts.server;
    this.port = parts.port;
    this.metrics = parts.metrics;
    this.#credentials = parts.credentials;
    this.#spareImage = parts.image;
    this.#spare = parts.spare;
  }

  get pid(): number {
    return this.server.child.pid as number;
  }

  get canPull(): boolean {
    return this.#spec.canPull;
  }

  uri(way: 'unix' | 'tcp'): string {
    const scheme = this.isSecure ? 'nbds' : 'nbd';
    const query = way === 'unix' ? [`socket=${this.server.socket}`, 'tls-hostname=localhost'] : [];
    const all = [...query.slice(0, this.isSecure ? 2 : 1), this.#credentials].filter((part) => part !== '');
    const place = way === 'unix' ? `${scheme}+unix://` : `${scheme}://127.0.0.1:${this.port}`;
    return `${place}/?${all.join('&')}`;
  }

  /** The clients, each in a process of its own; closing its input ends one. */
  startClients(seed: number): SoakClient[] {
    return this.#spec.clients.map(
      (way, index) =>
        new SoakClient(`${this.name} client ${index} (${way})`, this.shop, [
          ...[this.uri(way), String(seed + index), String(index * SHARE), String(SHARE)],
          ...[zoneOf(index), ZONE].map(String),
        ]),
    );
  }

  /** Sectors of the zone of one client. */
  piece(dice: Random): readonly [first: number, count: number] {
    const first = dice.below(ZONE);
    return [zoneOf(dice.below(this.#spec.clients.length)) + first, 1 + dice.below(Math.min(8, ZONE - first))];
  }

  trouble(trouble: Trouble): void {
    this.disk.set(trouble);
  }

  /** Its answer to a message. */
  ask(message: string): Promise<string> {
    return ask(this.server.control, message);
  }

  pullSpare(): void {
    this.#spare?.pull();
  }

  /** The spare is back, under another name. */
  async attachSpare(): Promise<void> {
    const again = this.shop.path(`spare-${++this.#pulls}.img`);
    linkSync(this.#spareImage, again);
    this.#spare = await FailingDisk.start(this.shop, again, 4096 * SECTOR);
    let answer = await this.ask(`attach ${this.#spare.path}`);
    // a `restore` of another disturbance may be under way
    for (let second = 0; answer.includes(CHANGING) && second < PATIENCE; second++) {
      await delay(1000);
      answer = await this.ask(`attach ${this.#spare.path}`);
    }
    assert.ok(answer.startsWith('ok'), `${this.name}: attach: ${answer}`);
  }
}

/** What the server answers while it changes the spare for somebody else, and for how many seconds at most. */
const [CHANGING, PATIENCE] = ['another message is changing the spare', 30];

function zoneOf(index: number): number {
  return index * SHARE + SHARE / 2;
}

/** A port that nobody listens on. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

export class SoakClient {
  readonly name: string;
  /** Rejects where it finds something wrong. */
  readonly ended: Promise<void>;
  requests = 0;
  readonly #child: ChildProcess;

  constructor(name: string, shop: Workshop, words: readonly string[]) {
    this.name = name;
    // the interpreter for which the distribution installs libnbd's module
    const child = spawn('/usr/bin/python3', ['-c', CLIENT, ...words], { stdio: 'pipe' });
    this.#child = child;
    shop.atEnd(() => void child.kill('SIGKILL'));
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      for (const [, count] of text.matchAll(/(\d+)\n/g)) this.requests = Number(count);
    });
    child.stdin.on('error', () => {});
    this.ended = new Promise((resolve, reject) => {
      child.once('close', (code) =>
        code === 0 ? resolve() : reject(new Error(`${name} ended with ${code}: ${said}`)),
      );
    });
    this.ended.catch(() => undefined);
  }

  async finish(): Promise<void> {
    this.#child.stdin?.end();
    await this.ended;
  }
}
