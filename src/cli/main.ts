/**
 * From the command line to the command: `dmremap [shared flags] COMMAND …`. Loads the least of oclif that can
 * do it, and answers itself where oclif's own dispatch would print stack traces or exit with its own codes.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PJSON } from '@oclif/core/interfaces';
import { readCommandLine } from './command-line.js';
import { EXIT_FAILED, EXIT_OK } from './exit-codes.js';
import { provideHome } from './home.js';
import type { Program } from './lean-config.js';
import { guardAgainstSilentEnd, leave, provideExitNow, reportUncaught } from './leave.js';
import { processOutputs } from './output.js';
import type { JsonObject } from './render/json.js';
import { describeFailure, failureDocument } from './report.js';
import { sharedWishes } from './shared-flags.js';
import { processInterruption } from './signals.js';
import { detectTerminals } from './terminal.js';

/** Runs the command line to its end and ends the process with the exit code of the contract. */
export async function main(argv: readonly string[], program: Program = thisProgram()): Promise<void> {
  reportUncaught((thrown) => report(thrown, argv, program));
  guardAgainstSilentEnd(program.packageJson.name);
  provideExitNow(async () => (await import('../operations/exit-now.js')).exitNow);
  processInterruption().install();
  provideHome();
  let exitCode: number;
  try {
    exitCode = await dispatch(argv, program);
  } catch (thrown) {
    exitCode = await report(thrown, argv, program);
  }
  await leave(exitCode);
}

/** The program of this package, its commands each in a file of its own. */
export function thisProgram(): Program {
  const packageJson = createRequire(import.meta.url)('../../../package.json') as PJSON;
  return { root: fileURLToPath(new URL('../../../', import.meta.url)), packageJson };
}

async function dispatch(argv: readonly string[], program: Program): Promise<number> {
  const wishes = sharedWishes(argv);
  const { stdout } = processOutputs();
  if (argv[0] === '--version') {
    const { name, version } = program.packageJson;
    const document = { command: name, exit_code: EXIT_OK, version };
    await stdout.write(wishes.json ? await jsonText(document) : `${name} ${version}\n`);
    return EXIT_OK;
  }
  const { LeanConfig } = await import('./lean-config.js');
  const config = await LeanConfig.read(program);
  const line = readCommandLine(argv, config);
  if (line.wantsHelp) {
    const { helpText } = await import('./help.js');
    await stdout.write(await helpText(config, line, detectTerminals(wishes).stdout));
    return EXIT_OK;
  }
  if (line.command === undefined) {
    const { unknownCommand } = await import('./usage.js');
    throw unknownCommand(line, config);
  }
  const exitCode: unknown = await config.runCommand(line.command.id, [...line.rest], line.command);
  return typeof exitCode === 'number' ? exitCode : EXIT_FAILED;
}

/** Reports what was thrown outside of a command. */
async function report(thrown: unknown, argv: readonly string[], program: Program): Promise<number> {
  const wishes = sharedWishes(argv);
  const { stdout, stderr } = processOutputs();
  const failure = describeFailure(thrown, wishes.verbose);
  const { name } = program.packageJson;
  try {
    if (wishes.json && stdout.claimDocument()) {
      await stdout.write(await jsonText(failureDocument(name, failure)));
    }
    await stderr.write(failure.text(name, detectTerminals(wishes).stderr));
  } catch {
    // Nobody is left to be told; the exit code still tells.
  }
  return failure.exitCode;
}

/** Loaded only for --json, as everything that most runs do without. */
async function jsonText(document: JsonObject): Promise<Iterable<string>> {
  const { jsonPieces } = await import('./render/json.js');
  return jsonPieces(document);
}
