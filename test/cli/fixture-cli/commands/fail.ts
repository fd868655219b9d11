import { openSync } from 'node:fs';
import * as Flags from '@oclif/core/flags';
import { BaseCommand, type CommandResult, type Input } from '../../../../src/cli/base-command.js';
import { DmremapError, ERROR_CODES } from '../../../../src/errors.js';

/** Fails in the way that it is told. */
export default class Fail extends BaseCommand<typeof Fail> {
  static override summary = 'Fail.';
  static override flags = {
    code: Flags.option({ options: [...ERROR_CODES], description: 'With this error code.' })(),
    how: Flags.option({
      options: ['bug', 'string', 'errno', 'uncaught', 'rejected', 'json', 'dry'] as const,
    })(),
  };

  protected async execute({ flags }: Input<typeof Fail>): Promise<CommandResult> {
    if (flags.code !== undefined) {
      throw new DmremapError(flags.code, 'the message', {
        hint: 'the hint',
        data: { big: 2n ** 63n, code: 'not this', device: '/dev/x' },
        cause: new Error('the cause'),
      });
    }
    switch (flags.how) {
      case 'bug':
        throw new TypeError('not a function');
      case 'string':
        throw 'a string';
      case 'errno':
        openSync('/nonexistent/device', 'r');
        break;
      case 'uncaught':
        setImmediate(() => {
          throw new RangeError('from a callback');
        });
        return new Promise(() => {});
      case 'rejected':
        void Promise.reject(new RangeError('nobody waits'));
        return new Promise(() => {});
      case 'dry':
        return new Promise(() => {});
      default:
    }
    return { exitCode: 0, json: { value: Number.NaN }, text: () => 'fine' };
  }
}
