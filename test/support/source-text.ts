/**
 * TypeScript as text, as far as the architecture test needs it: which modules a file imports, and its code
 * without the words in comments and strings.
 */

export interface Import {
  readonly from: string;
  /** Erased by the compiler: `import type …` and `export type … from`. */
  readonly typeOnly: boolean;
}

/** Static, dynamic and side-effect imports, and re-exports. */
export function importsOf(source: string): Import[] {
  const { code, strings } = split(source);
  const found: Import[] = [];
  // A string is a place holder in the code: its number between two quotation marks.
  const patterns = [
    /\b(?:import|export)\s+(?<type>type\s+(?!from\b)|)[\w$*{},\s]*?\bfrom\s*"(?<at>\d+)"/g,
    /\bimport\s*(?<type>)"(?<at>\d+)"/g,
    /\b(?:import|require)\s*\((?<type>)\s*"(?<at>\d+)"/g,
  ];
  for (const pattern of patterns) {
    for (const match of code.matchAll(pattern)) {
      const { at, type } = match.groups ?? {};
      found.push({ from: strings[Number(at)] ?? '', typeOnly: (type ?? '') !== '' });
    }
  }
  return found;
}

/** The code alone: comments are gone, and so is what stands in strings, templates and patterns. */
export function codeOf(source: string): string {
  return split(source).code;
}

/** Separates code from texts. Expressions inside templates are code. */
function split(source: string): { code: string; strings: string[] } {
  const strings: string[] = [];
  let code = '';
  let at = 0;
  /** How deep in braces each open template began. */
  const templates: number[] = [];
  let depth = 0;

  const rest = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0] ?? '';
  };
  const skipTemplate = () => {
    at += rest(/(?:[^\\`$]|\\[\s\S]|\$(?!\{))*/y).length;
    if (source[at] === '`') at++;
    else {
      at += 2;
      templates.push(depth++);
      code += '(';
    }
  };

  while (at < source.length) {
    const comment = rest(/\/\/[^\n]*|\/\*[\s\S]*?\*\//y);
    const string = comment === '' ? rest(/'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y) : '';
    if (comment !== '') {
      at += comment.length;
      code += ' ';
    } else if (string !== '') {
      at += string.length;
      code += `"${strings.push(string.slice(1, -1)) - 1}"`;
    } else if (source[at] === '`') {
      at++;
      skipTemplate();
    } else if (source[at] === '/' && beginsPattern(code)) {
      at += rest(/\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y).length || 1;
      code += ' 0 ';
    } else {
      const character = source[at] ?? '';
      at++;
      if (character === '{') depth++;
      if (character === '}') depth--;
      if (character === '}' && templates.at(-1) === depth) {
        templates.pop();
        code += ')';
        skipTemplate();
      } else code += character;
    }
  }
  return { code, strings };
}

/** A slash begins a pattern where a value may begin, and divides where one has just ended. */
function beginsPattern(codeBefore: string): boolean {
  const before = codeBefore.trimEnd();
  return before === '' || /[([{,;:=!&|?+\-*%~^<>]$|\b(?:return|typeof|case|of|in|await)$/.test(before);
}
