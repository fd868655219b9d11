import { type Agreement, type Export, transmissionFlags } from './export.js';
import type { HangUp, HangUpCause } from './hang-up.js';
import type { Inflow } from './inflow.js';
import { LONGEST_OPTION, LONGEST_SKIP, MOST_OPTIONS } from './limits.js';
import { Negotiation } from './negotiation.js';
import { decodeString, putAck, putExportNameReply, putGreeting, putRefusal } from './option-codec.js';
import type { Outbox } from './outbox.js';
import {
  CLIENT_FLAG,
  CLIENT_FLAGS,
  LONGEST_STRING,
  OPT,
  OPTION,
  OPTION_MAGIC,
  REP_ERROR,
} from './protocol.js';

export interface HandshakeSettings {
  /** The first is the default export. */
  readonly exports: readonly Export[];
  /** Every client has to begin TLS before anything else (the protocol's FORCEDTLS), or none can (NOTLS). */
  readonly tls: 'off' | 'required';
}

export interface HandshakeEvents {
  /** TLS begins once the outbox has been sent: the next byte of the client belongs to it. */
  startTls(): void;
  enter(agreement: Agreement): void;
  hangUp(hangUp: HangUp): void;
}

const KNOWN_CLIENT_FLAGS = CLIENT_FLAG.FIXED_NEWSTYLE | CLIENT_FLAG.NO_ZEROES;

const NO_DATA = new Uint8Array(0);

/** Options whose data is read. Of all others its length is enough. */
const WITH_DATA: readonly number[] = [
  OPT.EXPORT_NAME,
  OPT.INFO,
  OPT.GO,
  OPT.LIST_META_CONTEXT,
  OPT.SET_META_CONTEXT,
];

type Awaited = 'client flags' | 'option' | 'data' | 'tls' | 'nothing';

/** The server's side of a fixed newstyle handshake, from its greeting to the choice of an export. */
export class Handshake {
  readonly #settings: HandshakeSettings;
  readonly #events: HandshakeEvents;
  readonly #outbox: Outbox;
  readonly #negotiation: Negotiation;
  #awaited: Awaited = 'client flags';
  #clientFlags = 0;
  #secure = false;
  #shuttingDown = false;
  #options = 0;
  /** The option whose data is awaited, how long that is, and how much of it is still to come. */
  #option = 0;
  #length = 0;
  #missing = 0;
  /** Where its data goes, if it is kept. */
  #data = NO_DATA;

  constructor(settings: HandshakeSettings, outbox: Outbox, events: HandshakeEvents) {
    this.#settings = settings;
    this.#events = events;
    this.#outbox = outbox;
    this.#negotiation = new Negotiation(settings.exports, outbox);
    putGreeting(outbox);
  }

  /** Takes one piece of the stream; false when it needs more bytes, or none at all. */
  step(inflow: Inflow): boolean {
    switch (this.#awaited) {
      case 'client flags':
        return inflow.take(CLIENT_FLAGS.size) && this.#readClientFlags(inflow.view.getUint32(inflow.at));
      case 'option':
        return inflow.take(OPTION.size) && this.#readOption(inflow);
      case 'data':
        return this.#readData(inflow);
      case 'tls':
      case 'nothing':
        return false;
    }
  }

  /** Some of an option has come, its end has not. */
  get isCut(): boolean {
    return this.#missing > 0;
  }

  /** TLS stands. Nothing was settled before it, since all other options are refused until then. */
  secured(): void {
    if (this.#awaited !== 'tls') return;
    this.#secure = true;
    this.#awaited = 'option';
  }

  /** Every option from now on is refused, but for ABORT. */
  shutDown(): void {
    this.#shuttingDown = true;
  }

  /** Nothing is read or answered from here on. */
  stop(): void {
    this.#awaited = 'nothing';
  }

  #readClientFlags(flags: number): boolean {
    if ((flags & ~KNOWN_CLIENT_FLAGS) !== 0)
      return this.#end('violation', `client flags 0x${flags.toString(16)} are not known`);
    this.#clientFlags = flags;
    this.#awaited = 'option';
    return true;
  }

  #readOption({ view, at }: Inflow): boolean {
    if (view.getBigUint64(at + OPTION.magic) !== OPTION_MAGIC)
      return this.#end('violation', 'an option does not begin with its magic number');
    this.#option = view.getUint32(at + OPTION.option);
    this.#length = view.getUint32(at + OPTION.length);
    const fixed = (this.#clientFlags & CLIENT_FLAG.FIXED_NEWSTYLE) !== 0;
    if (!fixed && this.#option !== OPT.EXPORT_NAME)
      return this.#end('violation', `option ${this.#option} without fixed newstyle negotiation`);
    if (++this.#options > MOST_OPTIONS) return this.#end('limit', `more than ${MOST_OPTIONS} options`);
    if (this.#length > LONGEST_SKIP)
      return this.#end('limit', `option ${this.#option} with ${this.#length} bytes of data`);
    if (this.#option === OPT.EXPORT_NAME && this.#length > LONGEST_STRING)
      return this.#end('violation', `an export name of ${this.#length} bytes`);
    this.#awaitData();
    return true;
  }

  #awaitData(): void {
    const keep = WITH_DATA.includes(this.#option) && this.#length <= LONGEST_OPTION && !this.#mustSecure();
    this.#data = keep ? new Uint8Array(this.#length) : NO_DATA;
    this.#missing = this.#length;
    this.#awaited = 'data';
  }

  #mustSecure(): boolean {
    return this.#settings.tls === 'required' && !this.#secure && this.#option !== OPT.STARTTLS;
  }

  #readData(inflow: Inflow): boolean {
    this.#missing -=
      this.#data.length > 0
        ? inflow.copy(this.#data.subarray(this.#length - this.#missing))
        : inflow.skip(this.#missing);
    if (this.#missing > 0) return false;
    const data = this.#data;
    this.#data = NO_DATA;
    this.#awaited = 'option';
    this.#answer(data);
    return true;
  }

  #answer(data: Uint8Array): void {
    if (this.#option === OPT.ABORT) this.#abort();
    else if (this.#option === OPT.EXPORT_NAME) this.#enterByName(data);
    else if (this.#mustSecure()) this.#refuse(REP_ERROR.TLS_REQD, 'TLS has to be begun first');
    else if (this.#shuttingDown) this.#refuse(REP_ERROR.SHUTDOWN, 'the server is shutting down');
    else if (this.#option === OPT.STARTTLS) this.#startTls();
    else {
      const agreement = this.#negotiation.answer({ option: this.#option, length: this.#length, data });
      if (agreement !== undefined) this.#enter(agreement);
    }
  }

  #abort(): void {
    putAck(this.#outbox, OPT.ABORT);
    this.#end('asked', 'the client gave the negotiation up');
  }

  #startTls(): undefined {
    if (this.#length > 0) return this.#refuse(REP_ERROR.INVALID, 'STARTTLS takes no data');
    if (this.#secure) return this.#refuse(REP_ERROR.INVALID, 'TLS has been begun already');
    if (this.#settings.tls === 'off') return this.#refuse(REP_ERROR.POLICY, 'TLS is not configured');
    putAck(this.#outbox, OPT.STARTTLS);
    this.#awaited = 'tls';
    this.#events.startTls();
  }

  /** This option cannot be refused in words, so what would be refused ends the session. */
  #enterByName(data: Uint8Array): void {
    const chosen = this.#choose(data);
    if (typeof chosen === 'string') {
      this.#end('refused', chosen);
      return;
    }
    const flags = transmissionFlags(chosen.export, chosen.structuredReplies);
    const zeroes = (this.#clientFlags & CLIENT_FLAG.NO_ZEROES) === 0;
    putExportNameReply(this.#outbox, chosen.export, flags, zeroes);
    this.#enter(chosen);
  }

  /** What the client goes on to by this name, or why it cannot. */
  #choose(data: Uint8Array): Agreement | string {
    if (this.#mustSecure()) return 'an export was chosen before TLS was begun';
    if (this.#shuttingDown) return 'the server is shutting down';
    const name = decodeString(data);
    const agreement = name === undefined ? undefined : this.#negotiation.agreementOn(name);
    return agreement ?? 'there is no export of the name chosen';
  }

  #enter(agreement: Agreement): void {
    this.#awaited = 'nothing';
    this.#events.enter(agreement);
  }

  #refuse(type: number, text: string): undefined {
    putRefusal(this.#outbox, this.#option, type, text);
  }

  #end(cause: HangUpCause, text: string): false {
    this.#awaited = 'nothing';
    this.#events.hangUp({ cause, text });
    return false;
  }
}
