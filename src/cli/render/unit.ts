import type { BootFile } from '../../exchange/boot/boot-file.js';
import type { JsonObject } from './json.js';
import { quoteForShell } from './text.js';

/**
 * One file as it is. Several as a shell script that puts each in its place, below the folder that it is given:
 * there is no other text that holds names, modes and contents, and that every machine can take apart.
 */
export function bootText(files: readonly BootFile[]): string {
  const [only, second] = files;
  if (only !== undefined && second === undefined) return only.content;
  return [
    '#!/bin/sh',
    '# Puts files in their places: sh THIS [FOLDER], where FOLDER stands for / (as root, where it is left out).',
    'set -eu',
    'root=$' + '{1:-}',
    ...files.map(archived),
    '',
  ].join('\n');
}

function archived({ path, mode, content }: BootFile): string {
  const place = `"$root"${quoteForShell(path)}`;
  return [
    `mkdir -p "$(dirname ${place})"`,
    `cat >${place} <<'END-OF-FILE'`,
    `${content}END-OF-FILE`,
    `chmod ${mode.toString(8).padStart(4, '0')} ${place}`,
  ].join('\n');
}

export function bootJson(files: readonly BootFile[] | undefined): JsonObject {
  return {
    files:
      files?.map(({ path, mode, content }) => ({ path, mode: mode.toString(8).padStart(4, '0'), content })) ??
      null,
  };
}
