import type { Agreement } from './export.js';
import { COMMAND, COMMAND_FLAG, DEFAULT_MAXIMUM_PAYLOAD, ERROR, type NbdError } from './protocol.js';
import type { Failure } from './reply-codec.js';
import type { RequestHead } from './request.js';

interface CommandRule {
  readonly name: string;
  /** Flags that are valid with it besides FUA, which is valid with every command. */
  readonly flags: number;
  readonly writes: boolean;
  /** The answer where offset and length run past the end; undefined where both have to be zero. */
  readonly pastEnd: NbdError | undefined;
  /** As many bytes as its length says travel with the request or its reply. */
  readonly carriesData: boolean;
}

/** “Request types”, “Command flags” and “Error values”. DISC is not here: it is never refused. */
const RULES: readonly (CommandRule | undefined)[] = commandRules();

function commandRules(): (CommandRule | undefined)[] {
  const reading = { flags: 0, writes: false, pastEnd: ERROR.EINVAL, carriesData: false };
  const writing = { ...reading, writes: true };
  const zeroing = COMMAND_FLAG.NO_HOLE | COMMAND_FLAG.FAST_ZERO;
  const rules: (CommandRule | undefined)[] = [];
  rules[COMMAND.READ] = { ...reading, name: 'READ', flags: COMMAND_FLAG.DF, carriesData: true };
  rules[COMMAND.WRITE] = { ...writing, name: 'WRITE', pastEnd: ERROR.ENOSPC, carriesData: true };
  rules[COMMAND.FLUSH] = { ...reading, name: 'FLUSH', pastEnd: undefined };
  rules[COMMAND.TRIM] = { ...writing, name: 'TRIM' };
  rules[COMMAND.CACHE] = { ...reading, name: 'CACHE' };
  rules[COMMAND.WRITE_ZEROES] = {
    ...writing,
    name: 'WRITE_ZEROES',
    flags: zeroing,
    pastEnd: ERROR.ENOSPC,
  };
  rules[COMMAND.BLOCK_STATUS] = { ...reading, name: 'BLOCK_STATUS', flags: COMMAND_FLAG.REQ_ONE };
  return rules;
}

/** Why the protocol wants this request refused; undefined for one that keeps its rules. */
export function refusalOf(head: RequestHead, agreement: Agreement): Failure | undefined {
  const rule = RULES[head.command];
  if (rule === undefined) return refusal(ERROR.EINVAL, `command ${head.command} is not known`);
  const flags = validFlags(rule, agreement) | COMMAND_FLAG.FUA;
  if ((head.flags & ~flags) !== 0)
    return refusal(ERROR.EINVAL, `flags 0x${head.flags.toString(16)} are not valid with ${rule.name}`);
  if (rule.writes && agreement.export.readOnly) return refusal(ERROR.EPERM, 'the export is read-only');
  return refusedRange(head, rule, agreement) ?? refusedLength(head, rule, agreement);
}

function validFlags(rule: CommandRule, agreement: Agreement): number {
  return agreement.structuredReplies ? rule.flags : rule.flags & ~COMMAND_FLAG.DF;
}

function refusedRange(head: RequestHead, rule: CommandRule, agreement: Agreement): Failure | undefined {
  const { size } = agreement.export;
  if (rule.pastEnd === undefined) {
    if (head.offset === 0 && head.length === 0) return undefined;
    return refusal(ERROR.EINVAL, `${rule.name} takes neither offset nor length`);
  }
  // never their sum, which has no exact value near 2^53 and 2^64
  if (head.offset <= size && head.length <= size - head.offset) return undefined;
  const range = `${head.length} bytes at ${head.exactOffset}`;
  return refusal(rule.pastEnd, `${rule.name} of ${range}: the export ends at ${size}`);
}

function refusedLength(head: RequestHead, rule: CommandRule, agreement: Agreement): Failure | undefined {
  if (head.command === COMMAND.BLOCK_STATUS) return refusedStatus(head, agreement);
  if (!rule.carriesData || head.length <= DEFAULT_MAXIMUM_PAYLOAD) return undefined;
  // EOVERFLOW is for reads whose reply could be split, EINVAL for all that a client knows to be too long
  const splits = head.command === COMMAND.READ && agreement.structuredReplies;
  const error = splits ? ERROR.EOVERFLOW : ERROR.EINVAL;
  return refusal(error, `${rule.name} of ${head.length} bytes: at most ${DEFAULT_MAXIMUM_PAYLOAD}`);
}

function refusedStatus(head: RequestHead, agreement: Agreement): Failure | undefined {
  if (agreement.contexts.length === 0) return refusal(ERROR.EINVAL, 'no metadata context was selected');
  // no extent may be empty, so there is no answer to an empty range
  return head.length === 0 ? refusal(ERROR.EINVAL, 'BLOCK_STATUS of no bytes') : undefined;
}

function refusal(error: NbdError, text: string): Failure {
  return { error, text };
}

/** Bytes that the request will hold in memory. */
export function bytesHeld(command: number, length: number): number {
  return RULES[command]?.carriesData === true ? length : 0;
}
