import { isQuery, listContexts, type MetaContext, selectContexts } from './contexts.js';
import { type Agreement, type Export, findExport } from './export.js';
import { LONGEST_OPTION } from './limits.js';
import {
  parseContextRequest,
  parseInfoRequest,
  putAck,
  putContext,
  putInfo,
  putRefusal,
  putServer,
} from './option-codec.js';
import type { Outbox } from './outbox.js';
import { INFO, OPT, REP_ERROR } from './protocol.js';

/** One option as it came. */
export interface Option {
  readonly option: number;
  /** Bytes of data that the client sent with it. */
  readonly length: number;
  /** All of its data, or nothing where that is not read or is too long. */
  readonly data: Uint8Array;
}

interface Selection {
  /** The name that the client gave; contexts hold for this name only. */
  readonly exportName: string;
  readonly contexts: readonly MetaContext[];
}

const NOTHING: Selection = { exportName: '', contexts: [] };

/**
 * What one client has settled so far by options, and the answers to them (“Option types”). It
 * knows whole options only; their framing, TLS, ABORT and EXPORT_NAME are the handshake's.
 */
export class Negotiation {
  readonly #exports: readonly Export[];
  readonly #outbox: Outbox;
  #structuredReplies = false;
  #selection = NOTHING;

  constructor(exports: readonly Export[], outbox: Outbox) {
    this.#exports = exports;
    this.#outbox = outbox;
  }

  /** Answers one option; gives the agreement once transmission begins with it. */
  answer(option: Option): Agreement | undefined {
    switch (option.option) {
      case OPT.LIST:
        return this.#list(option);
      case OPT.INFO:
      case OPT.GO:
        return this.#info(option);
      case OPT.STRUCTURED_REPLY:
        return this.#structured(option);
      case OPT.LIST_META_CONTEXT:
      case OPT.SET_META_CONTEXT:
        return this.#contexts(option);
      default:
        return this.#refuse(option, REP_ERROR.UNSUP, `option ${option.option} is not known to this server`);
    }
  }

  /** What holds if the client goes on to the export of this name; undefined where there is none. */
  agreementOn(name: string): Agreement | undefined {
    const exported = findExport(this.#exports, name);
    if (exported === undefined) return undefined;
    const contexts = this.#selection.exportName === name ? this.#selection.contexts : [];
    return { export: exported, structuredReplies: this.#structuredReplies, contexts };
  }

  #list(option: Option): undefined {
    if (option.length > 0) return this.#refuseData(option);
    for (const exported of this.#exports) putServer(this.#outbox, OPT.LIST, exported);
    putAck(this.#outbox, OPT.LIST);
  }

  #info(option: Option): Agreement | undefined {
    const request = parseInfoRequest(option.data);
    if (request === undefined) return this.#refuseMalformed(option);
    const agreement = this.agreementOn(request.name);
    if (agreement === undefined) return this.#refuseName(option, request.name);
    for (const type of new Set([INFO.EXPORT, ...request.wanted]))
      putInfo(this.#outbox, option.option, type, agreement);
    putAck(this.#outbox, option.option);
    return option.option === OPT.GO ? agreement : undefined;
  }

  #structured(option: Option): undefined {
    if (option.length > 0) return this.#refuseData(option);
    this.#structuredReplies = true;
    putAck(this.#outbox, OPT.STRUCTURED_REPLY);
  }

  #contexts(option: Option): undefined {
    const setting = option.option === OPT.SET_META_CONTEXT;
    // what was selected before is gone even if this option fails
    if (setting) this.#selection = NOTHING;
    if (!this.#structuredReplies)
      return this.#refuse(option, REP_ERROR.INVALID, 'structured replies have to be negotiated first');
    const request = parseContextRequest(option.data);
    if (request === undefined) return this.#refuseMalformed(option);
    const { exportName, queries } = request;
    if (findExport(this.#exports, exportName) === undefined) return this.#refuseName(option, exportName);
    if (!queries.every(isQuery))
      return this.#refuse(option, REP_ERROR.INVALID, 'a query is a namespace, a colon and a name');
    const contexts = setting ? selectContexts(queries) : listContexts(queries);
    if (setting) this.#selection = { exportName, contexts };
    for (const context of contexts)
      putContext(this.#outbox, option.option, setting ? context.id : 0, context);
    putAck(this.#outbox, option.option);
  }

  #refuse({ option }: Option, type: number, text: string): undefined {
    putRefusal(this.#outbox, option, type, text);
  }

  #refuseData(option: Option): undefined {
    return this.#refuse(option, REP_ERROR.INVALID, `option ${option.option} takes no data`);
  }

  #refuseMalformed(option: Option): undefined {
    if (option.length > option.data.length)
      return this.#refuse(
        option,
        REP_ERROR.TOO_BIG,
        `the data of an option may be ${LONGEST_OPTION} bytes long`,
      );
    return this.#refuse(option, REP_ERROR.INVALID, `the data of option ${option.option} is malformed`);
  }

  #refuseName(option: Option, name: string): undefined {
    return this.#refuse(
      option,
      REP_ERROR.UNKNOWN,
      `there is no export named ${JSON.stringify(name.slice(0, 256))}`,
    );
  }
}
