import { DmremapError } from '../../errors.js';
import { ROLE } from '../../format/header.js';
import type { Refusal } from '../../migrate/course.js';
import type { Member } from '../../migrate/pairs.js';

/** Why nothing is done about two spares, and what to type instead. */

/** The devices of a migration by the names that are typed. */
export interface Names {
  readonly from: string;
  readonly to: string;
}

export function line({ from, to }: Names, ...flags: readonly string[]): string {
  return ['dmremap migrate', from, to, ...flags].join(' ');
}

/** A device has to be written and is read-only. */
export function readOnlyError(name: string, besides = ''): DmremapError {
  return new DmremapError('permission', `${name} takes no writes${besides === '' ? '' : `, ${besides}`}`);
}

/** The error for it; its data names the other spare. */
export function refusalError(
  because: Refusal,
  names: Names,
  from: Member,
  to: Member | undefined,
): DmremapError {
  const data = { peer_uuid: to?.spare_uuid ?? from.peer_uuid };
  const { code, message, hint } = told(because, names, from, to);
  return new DmremapError(code, message, { hint, data });
}

function told(
  because: Refusal,
  names: Names,
  source: Member,
  target: Member | undefined,
): { readonly code: DmremapError['code']; readonly message: string; readonly hint: string } {
  const { from, to } = names;
  const reversed = { from: to, to: from };
  switch (because) {
    case 'moved':
      return {
        code: 'retired',
        message: `${from} is not active any more: its set has moved to ${to}`,
        hint: `to end that move: ${line(names, '--resume')}; to move it back: ${line(names, '--rollback')}`,
      };
    case 'going back':
      return {
        code: 'incomplete',
        message: `the set is on its way back from ${to} to ${from}; ${to} is active until it is there`,
        hint: `to go on: ${line(names, '--rollback')}; to stay on ${to}: ${line(reversed, '--rollback')}`,
      };
    case 'predecessor':
      return {
        code: 'retired',
        message: `${to} is retired: its set has moved to ${from}`,
        hint: `to move it back: ${line(reversed, '--rollback')}`,
      };
    case 'begun':
      return {
        code: 'incomplete',
        message: `a migration from ${from} to ${to} has begun and not ended; ${from} is active`,
        hint: `to go on: ${line(names, '--resume')}; to end it: ${line(names, '--rollback')}`,
      };
    case 'unsettled':
      return unsettled(names, source);
    case 'not begun':
      return {
        code: 'wrong-device',
        message: `${to} is no target of a migration from ${from}: there is nothing to resume`,
        hint: `to begin: ${line(names)}`,
      };
    case 'elsewhere':
      return elsewhere(names, source, target);
    case 'clone':
      return {
        code: 'ambiguous',
        message: `${from} and ${to} are one spare by its spare_uuid ${source.spare_uuid}: one is a copy of the other`,
        hint: 'which of them holds the newer data only you can know; wipe or detach the other',
      };
    case 'none active':
      return {
        code: 'changed-since',
        message: `neither ${from} nor ${to} is the active spare of their set`,
        hint: `look at both: dmremap check ${from} ${to}`,
      };
  }
}

/** The one that is retired has all data. */
function unsettled(names: Names, { role }: Member) {
  const isThere = role === ROLE.retired;
  const [source, target] = isThere ? [names.from, names.to] : [names.to, names.from];
  const [goOn, end] = isThere
    ? [line(names, '--resume'), line(names, '--rollback')]
    : [line(names, '--rollback'), line({ from: source, to: target }, '--rollback')];
  return {
    code: 'incomplete' as const,
    message: `${source} is retired for ${target}, which does not know of that: neither is active; all data is on ${source}`,
    hint: `to make ${source} active and go on: ${goOn}; to stay on ${source}: ${end}`,
  };
}

function elsewhere({ from, to }: Names, source: Member, target: Member | undefined) {
  const peer = `SPARE=${source.peer_uuid}`;
  if (source.role === ROLE.retired)
    return {
      code: 'retired' as const,
      message: `${from} is retired: its set moved to spare ${source.peer_uuid}`,
      hint: `move that one: dmremap migrate ${peer} ${to}`,
    };
  if (source.role === ROLE.target)
    return {
      code: 'incomplete' as const,
      message: `${from} is the target of a migration from spare ${source.peer_uuid} that has not ended`,
      hint: `to go on: dmremap migrate ${peer} ${from} --resume; to end it: dmremap migrate ${peer} ${from} --rollback`,
    };
  return {
    code: 'wrong-device' as const,
    message: `${to} is a spare of the same set, for spare ${target?.peer_uuid ?? source.peer_uuid}`,
    hint: `look at both: dmremap check ${from} ${to}`,
  };
}
