/**
 * The parts of oclif that this program runs on, each loaded where it is needed. They are CommonJS; required as
 * such they cost some 10 % less of the start-up than imported, since Node reads and scans what is imported a
 * second time for its exports.
 */
import { createRequire } from 'node:module';

export function loadConfig(): typeof import('@oclif/core/config') {
  return createRequire(import.meta.url)('@oclif/core/config');
}

export function loadCommand(): typeof import('@oclif/core/command') {
  return createRequire(import.meta.url)('@oclif/core/command');
}

export function loadHelp(): typeof import('@oclif/core/help') {
  return createRequire(import.meta.url)('@oclif/core/help');
}

export function loadSettings(): typeof import('@oclif/core/settings') {
  return createRequire(import.meta.url)('@oclif/core/settings');
}
