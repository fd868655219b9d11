/** A program of test-only commands on the real base class; run as a process of its own. */
import type { PJSON } from '@oclif/core/interfaces';
import { provideExitNow } from '../../../src/cli/leave.js';
import { main } from '../../../src/cli/main.js';

const packageJson: PJSON = {
  name: 'fixture',
  version: '1.2.3',
  description: 'Commands for tests',
  type: 'module',
  oclif: { bin: 'fixture', commands: './commands', topicSeparator: ' ' },
};

provideExitNow(async () => {
  const { default: koffi } = await import('koffi');
  return koffi.load(null).func('void _exit(int code)');
});

await main(process.argv.slice(2), { root: import.meta.dirname, packageJson });
