const SPACE = ' \t\r\n';

/**
 * In which line an object has one name twice, counted from 1; undefined where none has. The text is JSON, or one JSON text a line. Parsers differ in which
 * of two equal names counts (RFC 8259, section 4), so that what such an object says is not clear.
 */
export function lineOfRepeatedName(json: string): number | undefined {
  const names: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '{') names.push(new Set());
    else if (character === '[') names.push(undefined);
    else if (character === '}' || character === ']') names.pop();
    if (character !== '"') continue;
    const end = endOfString(json, at);
    if (isName(json, end)) {
      const known = names.at(-1);
      const name: unknown = JSON.parse(json.slice(at, end));
      if (typeof name !== 'string' || known?.has(name) === true) return json.slice(0, at).split('\n').length;
      known?.add(name);
    }
    at = end - 1;
  }
  return undefined;
}

/** Where the text goes on after the string that begins at the quotation mark. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isName(json: string, end: number): boolean {
  let at = end;
  while (at < json.length && SPACE.includes(json[at] ?? '')) at += 1;
  return json[at] === ':';
}
