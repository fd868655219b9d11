import { DmremapError } from '../../src/errors.js';
import { assert } from '../support/harness.js';

/** The line that an ill-formed list is refused for; undefined where it is read. Nothing else may be thrown. */
export function refusedLine(read: () => unknown): number | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    assert.instance(error, DmremapError);
    const { code, data, message } = error as DmremapError;
    assert.is(code, 'usage');
    const line = data['line'] as number;
    assert.ok(message.startsWith(`line ${line}: `), message);
    return line;
  }
}

/** Every sector that a list names, in its order. */
export function sectorsOf({
  listed,
}: {
  listed: readonly { readonly first: number; readonly count: number }[];
}): number[] {
  return listed.flatMap(({ first, count }) => Array.from({ length: count }, (_, index) => first + index));
}
