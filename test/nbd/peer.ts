import type { Export } from '../../src/nbd/export.js';
import type { HandshakeSettings } from '../../src/nbd/handshake.js';
import type { Gap } from '../../src/nbd/read-reply.js';
import type { Request } from '../../src/nbd/request.js';
import { Session } from '../../src/nbd/session.js';
import type { Transmission } from '../../src/nbd/transmission.js';
import { bytes } from '../../src/units.js';
import { clientFlags, contextData, infoData, option, sendOption } from '../support/nbd-bytes.js';
import { StrictMemory } from './strict-memory.js';

export const DISK_SIZE = 1 << 20;

export const DISK: Export = {
  name: 'disk',
  description: 'a disk that is dying',
  size: bytes(DISK_SIZE),
  readOnly: false,
  rotational: false,
  multiConn: true,
  preferredBlock: bytes(4096),
};

/** What came out of a session, in order, as plain values. */
export type Event =
  | readonly ['tls']
  | readonly ['enter', name: string, structured: boolean, contexts: string]
  | readonly ['request', command: number, flags: number, offset: number, length: number, payload: string]
  | readonly ['hang up', cause: string];

export type Answer = (peer: Peer, request: Request) => void;

interface PeerOptions {
  readonly exported?: Partial<Export>;
  readonly tls?: HandshakeSettings['tls'];
  /** Left out, requests are gathered in `open` and wait. */
  readonly answer?: Answer;
}

/** Holds a session as a connection would: gives it what it takes, notes what comes out of it. */
export class Peer {
  readonly session: Session;
  readonly events: Event[] = [];
  readonly open: Request[] = [];
  readonly memory = new StrictMemory();
  #transmission: Transmission | undefined;
  #rest: Uint8Array = new Uint8Array(0);
  #secured = false;

  constructor({ exported = {}, tls = 'off', answer }: PeerOptions = {}) {
    this.session = new Session({ exports: [{ ...DISK, ...exported }], tls }, this.memory, {
      startTls: () => {
        this.events.push(['tls']);
        this.#secured = true;
      },
      enter: (transmission) => {
        this.#transmission = transmission;
        const { export: found, structuredReplies, contexts } = transmission.agreement;
        this.events.push(['enter', found.name, structuredReplies, contexts.map(({ id }) => id).join()]);
      },
      request: (request) => {
        const { command, flags, offset, length } = request;
        const payload = Buffer.from(request.payload).toString('latin1');
        this.events.push(['request', command, flags, offset, length, payload]);
        if (answer === undefined) this.open.push(request);
        else answer(this, request);
      },
      hangUp: ({ cause }) => this.events.push(['hang up', cause]),
    });
  }

  get transmission(): Transmission {
    if (this.#transmission === undefined) throw new Error('transmission has not begun');
    return this.#transmission;
  }

  /** Gives bytes as they come; what the session does not take now is given again with the next. */
  give(chunk: Uint8Array): this {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const used = this.session.receive(this.#rest);
    this.#rest = this.#rest.subarray(used);
    if (this.#secured) {
      this.#secured = false;
      this.session.secured();
      return this.give(new Uint8Array(0));
    }
    return this;
  }

  /** The request that comes out of these bytes. */
  taken(bytes: Uint8Array): Request {
    this.give(bytes);
    const request = this.open.shift();
    if (request === undefined) throw new Error('no request came out');
    return request;
  }

  /** Answers a READ with a copy of this data. */
  finishRead(request: Request, data: Uint8Array, gaps?: readonly Gap[]): void {
    const buffer = this.memory.take(data.length);
    buffer.set(data);
    this.transmission.finishRead(request, buffer, gaps);
  }

  /** Bytes that have been given and not been taken. */
  get waiting(): number {
    return this.#rest.length;
  }

  /** What the session has to send. */
  sent(): Buffer {
    const { pieces, lent } = this.session.outbox.take();
    const bytes = Buffer.concat(pieces);
    for (const buffer of lent) this.memory.giveBack(buffer);
    return bytes;
  }

  get causes(): string[] {
    return this.events.flatMap((event) => (event[0] === 'hang up' ? [event[1]] : []));
  }
}

interface Agreed extends PeerOptions {
  /** Replies are simple unless said so. */
  readonly structured?: boolean;
  readonly contexts?: readonly string[];
}

/** A peer in transmission. */
export function attached({ structured = false, contexts = [], ...options }: Agreed = {}): Peer {
  const peer = new Peer(options);
  peer.give(clientFlags());
  if (structured) peer.give(sendOption(option.structuredReply));
  if (contexts.length > 0) peer.give(sendOption(option.setMetaContext, contextData('', ...contexts)));
  peer.give(sendOption(option.go, infoData('')));
  peer.sent();
  peer.events.length = 0;
  return peer;
}

/** A disk in memory that answers at once. */
export function memoryDisk(content: Buffer): Answer {
  return (peer, request) => {
    const { transmission } = peer;
    const { offset, length } = request;
    switch (request.command) {
      case 0:
        peer.finishRead(request, content.subarray(offset, offset + length));
        return;
      case 1:
        content.set(request.payload, offset);
        break;
      case 6:
        content.fill(0, offset, offset + length);
        break;
      case 7:
        transmission.finishStatus(request, () => [{ length, flags: 0 }]);
        return;
    }
    transmission.succeed(request);
  };
}
